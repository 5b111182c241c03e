"""What the families of suspects speak of: a call and its arguments, a call made otherwise, an idea."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

import torch

from compare.explain.calls.call import Call, Described
from compare.explain.calls.counting import Function, Replacement
from compare.explain.calls.scene import Scene
from compare.explain.calls.signatures import Given, Parameter, bound, parameters_of, rebound
from compare.explain.doctor.segment.padding import shown
from compare.explain.doctor.suspect import Suspect
from compare.explain.doctor.thresholds import BEHIND, DEFAULT, RARE, READ, ROUND, UNSEEN, USUAL

T = TypeVar("T")
Idea = Suspect[Replacement]  # one thing that the port may do otherwise in one call: the call as the port would make it


@dataclass(frozen=True)
class View:
    """What a family looks at: one call in its scene, and what was read of the port's settings."""

    call: Call
    scene: Scene
    read: Given

    @property
    def given(self) -> Given:
        """The call's arguments by name, defaults filled in, tensors described."""
        return bound(self.call.function, self.call.args, self.call.kwargs)

    @property
    def parameters(self) -> tuple[Parameter, ...]:
        """What the function takes."""
        return parameters_of(self.call.function, self.call.args, self.call.kwargs)

    @property
    def first(self) -> Described | None:
        """The first tensor that the call takes, lists and tuples of them not looked into."""
        given = (*self.call.args, *self.call.kwargs.values())
        return next((value for value in given if isinstance(value, Described)), None)

    @property
    def shape(self) -> tuple[int, ...]:
        """Of the first tensor that the call takes."""
        return self.first.shape if self.first else ()


Family = Callable[[View], Iterator[Idea]]


def altered(**changes: Any) -> Replacement:
    """The same call with other arguments; a change that is callable is called with the arguments by name."""

    def replacement(func: Function, args: tuple, kwargs: dict) -> Any:
        given = bound(func, args, kwargs)
        others = {name: change(given) if callable(change) else change for name, change in changes.items()}
        positional, keywords = rebound(func, args, kwargs, others)
        return func(*positional, **keywords)

    return replacement


def computed(formula: Callable[[Given], Any]) -> Replacement:
    """Another formula in place of the call, of its arguments by name."""
    return lambda func, args, kwargs: formula(bound(func, args, kwargs))


def instead(function: Callable[..., Any]) -> Replacement:
    """``function`` of the call's first tensor in place of the call."""
    return lambda func, args, kwargs: function(first_tensor(args, kwargs))


def afterwards(function: Callable[[Any], Any]) -> Replacement:
    """The call, and ``function`` of its result."""
    return lambda func, args, kwargs: function(func(*args, **kwargs))


def times(factor: float) -> Replacement:
    """The call, and its result multiplied."""
    return afterwards(lambda result: result * factor)


def left_out(func: Function, args: tuple, kwargs: dict) -> Any:
    """Nothing in place of the call: its first tensor as it is."""
    return first_tensor(args, kwargs)


def first_tensor(args: tuple, kwargs: Given) -> Any:
    """The first tensor that a call was given."""
    return next(value for value in (*args, *kwargs.values()) if isinstance(value, torch.Tensor))


def value(
    setting: str, reference: Any, port: Any, replacement: Replacement, rank: float = USUAL, text: str = ""
) -> Idea:
    """A setting that has another value in the port; ``text``: where that is said better than as "x is a, not b"."""
    return Idea(setting, shown(reference), shown(port), replacement, rank, text)


def candidates(view: View, setting: str, own: Any, usual: tuple, rank: float = DEFAULT) -> Iterator[tuple[Any, float]]:
    """Values that the port may have for ``setting``, with their rank: the one read of it first, then the usual."""
    read = [(view.read[setting], float(READ))] if setting in view.read else []
    seen = {own}
    for other, own_rank in [*read, *((other, rank + place) for place, other in enumerate(usual))]:
        if other not in seen:
            seen.add(other)
            # Nearly none and none often close a gap alike: then only what stands in the port's program is said.
            tiny = isinstance(other, float) and 0 < other < UNSEEN and own_rank != READ
            yield other, RARE + BEHIND if tiny and other not in view.scene.written else min(own_rank, RARE)


def in_rounds(alike: Sequence[T]) -> Iterator[tuple[list[T], str]]:
    """Of calls of a loop, those that one place in it makes: every second or third of them, with how that is said."""
    count = len(alike)
    for every in range(2, min(count // 2, ROUND) + 1):
        if count % every == 0:
            yield from ((list(alike[first::every]), f"call {first + 1} of every {every}") for first in range(every))
