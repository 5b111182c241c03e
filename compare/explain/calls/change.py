"""A change of the reference: what it would compute if it had the port's setting."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, TypeVar

import numpy as np
from torch import nn

from compare.explain.calls.counting import Calls, Function, Replacement, counting
from compare.explain.calls.signatures import standing_for

T = TypeVar("T")
Arrays = Mapping[str, np.ndarray]
Place = tuple[str, int, str, int]  # an array that passes a boundary of a layer: path, call, way, number
Scored = Callable[[Any, dict[str, Any]], tuple[Any, dict[str, Any]]]


@dataclass(frozen=True)
class Change:
    """What is done to a copy of the reference before and while it runs; a description, which nothing has run yet.

    Attributes:
        calls: by number of a call, what to do instead: f(function, args, kwargs) -> result.
        attributes: by module path and attribute name, its value.
        weights: by dotted name of a parameter or buffer, the array that enters from the one that would have (same
            shape). Whoever runs the reference applies these, to what enters, by ``entering``; ``applied`` does not.
        results: by path of a module, what is told what each of its calls returns, before it goes on.
        others: by dotted name of a parameter, that of the one that enters in its place; before ``weights``.
        passing: by (path of a layer, number of its call, way, number of the array), what becomes of an array that
            passes there. Whoever runs the reference applies it.
        scored: what becomes of the outputs, and of the targets by name, before the loss takes them; one after another.
    """

    calls: Mapping[int, Replacement] = field(default_factory=dict)
    attributes: Mapping[tuple[str, str], Any] = field(default_factory=dict)
    weights: Mapping[str, Callable[[np.ndarray], np.ndarray]] = field(default_factory=dict)
    others: Mapping[str, str] = field(default_factory=dict)
    results: Mapping[str, Callable[[Any], None]] = field(default_factory=dict)
    scored: tuple[Scored, ...] = ()
    passing: Mapping[Place, Callable[[Any], Any]] = field(default_factory=dict)

    def scoring(self, outputs: Any, targets: dict[str, Any]) -> tuple[Any, dict[str, Any]]:
        """Outputs and targets as the loss takes them under this change. Whoever runs the reference applies it."""
        for change in self.scored:
            outputs, targets = change(outputs, targets)
        return outputs, targets

    def entering(self, arrays: Arrays) -> dict[str, np.ndarray]:
        """``arrays`` (weights and buffers by dotted name) as they enter under this change."""
        own = self.weights
        arrays = {name: arrays.get(self.others.get(name, name), one) for name, one in arrays.items()}
        return {name: np.ascontiguousarray(own[name](one)) if name in own else one for name, one in arrays.items()}

    @contextmanager
    def applied(self, module: nn.Module) -> Iterator[None]:
        """Within it a forward pass of ``module`` (a copy of the reference), and a loss after it, run changed.

        One forward pass for each time it is entered: the calls are counted from its beginning. The attributes are put
        back at the end. The order among other modes (dropout's replay, the promoted oracle) does not matter as long
        as it is the one that the calls were recorded in.
        """
        with _set(module, self.attributes), counting(module, self.calls), _told(module, self.results):
            yield

    def __or__(self, other: "Change") -> "Change":
        """Both; where both replace one call, ``other`` is asked first and calls this one's."""
        calls = dict(self.calls)
        for number, replacement in other.calls.items():
            calls[number] = _after(calls[number], replacement) if number in calls else replacement
        weights = dict(self.weights)
        for name, change in other.weights.items():
            weights[name] = _composed(weights[name], change) if name in weights else change
        attributes, others = {**self.attributes, **other.attributes}, {**self.others, **other.others}
        passing = dict(self.passing)
        for place, function in other.passing.items():
            passing[place] = _composed(passing[place], function) if place in passing else function
        results, scored = {**self.results, **other.results}, self.scored + other.scored
        return Change(calls, attributes, weights, others, results, scored, passing)


@contextmanager
def recorded(module: nn.Module) -> Iterator[Calls]:
    """The torch calls of one forward pass (and loss) of ``module`` within it, in order, numbered as ``Change`` does."""
    calls = Calls()
    with counting(module, {}, calls):
        yield calls


@contextmanager
def _set(module: nn.Module, attributes: Mapping[tuple[str, str], Any]) -> Iterator[None]:
    before: list[tuple[nn.Module, str, Any]] = []
    try:
        for (path, name), value in attributes.items():
            owner = module.get_submodule(path)
            before.append((owner, name, getattr(owner, name)))
            setattr(owner, name, value)
        yield
    finally:
        for owner, name, value in reversed(before):
            setattr(owner, name, value)


@contextmanager
def _told(module: nn.Module, results: Mapping[str, Callable[[Any], None]]) -> Iterator[None]:
    """Behind every other hook, so that what is told is what goes on from the layer."""

    def telling(tell: Callable[[Any], None]) -> Callable[..., None]:
        return lambda layer, args, result: tell(result)

    handles = [module.get_submodule(path).register_forward_hook(telling(tell)) for path, tell in results.items()]
    try:
        yield
    finally:
        for handle in handles:
            handle.remove()


def _after(first: Replacement, second: Replacement) -> Replacement:
    def replacement(func: Function, args: tuple, kwargs: dict) -> Any:
        return second(standing_for(func, lambda *a, **k: first(func, a, k)), args, kwargs)

    return replacement


def _composed(first: Callable[[T], T], second: Callable[[T], T]) -> Callable[[T], T]:
    return lambda array: second(first(array))
