"""What either side computed as one kind of graph: values, what made them of which, and what only moved them."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from compare.measure.contrast.values_alike import Contents, is_moved


@dataclass(frozen=True)
class Made:
    """One operation: of which values it made which, by their numbers.

    Attributes:
        at: its position in the side's record; -1 of what the record does not list.
        moves: it only moves an operand: its result is that operand again.
    """

    operands: tuple[int, ...]
    results: tuple[int, ...]
    at: int = -1
    moves: bool = False


@dataclass(frozen=True)
class Dataflow:
    """One side's run.

    Attributes:
        values: by number, as far as they are arrays of numbers.
        steps: in the order in which they ran.
        given: the values that enter: weights, the batch, masks.
    """

    values: Mapping[int, np.ndarray]
    steps: Sequence[Made]
    given: Sequence[int]

    @cached_property
    def contents(self) -> Mapping[int, Contents]:
        return {number: Contents(array) for number, array in self.values.items()}

    @cached_property
    def source(self) -> Mapping[int, int]:
        """Of each value that was only moved, the one that was computed, or entered; of any other itself."""
        found: dict[int, int] = {}
        for step in self.steps:
            for result in step.results if step.moves else ():
                of = self._moved_from(step, result)
                if of is not None:
                    found[result] = found.get(of, of)
        return found

    def _moved_from(self, step: Made, result: int) -> int | None:
        own = [one for one in step.operands if one in self.contents and result in self.contents]
        return next((one for one in own if is_moved(self.contents[one], self.contents[result])), None)

    def origin(self, number: int) -> int:
        return self.source.get(number, number)

    @cached_property
    def maker(self) -> Mapping[int, int]:
        """By computed value the step that made it."""
        return {
            result: at for at, step in enumerate(self.steps) for result in step.results if result not in self.source
        }

    @cached_property
    def parents(self) -> Mapping[int, tuple[int, ...]]:
        """By computed value those that it was computed from."""
        return {
            result: tuple(dict.fromkeys(map(self.origin, self.steps[at].operands))) for result, at in self.maker.items()
        }

    @cached_property
    def by_place(self) -> Mapping[int, Sequence[Made]]:
        """By position in the side's record its steps: of what a loop runs one for each trip."""
        found: dict[int, list[Made]] = {}
        for step in self.steps:
            found.setdefault(step.at, []).append(step)
        return found

    def only_moves(self, at: int) -> bool:
        """Whether what stands there moves numbers and computes none."""
        return any(step.moves for step in self.by_place.get(at, ()))

    @cached_property
    def moving(self) -> frozenset[int]:
        """Those that depend on what enters: the others are constants of the program."""
        return self.following(self.given)

    def following(self, numbers: Iterable[int]) -> frozenset[int]:
        """Some values, and all that depend on one of them."""
        found = set(numbers)
        for step in self.steps:
            if not found.isdisjoint(step.operands):
                found.update(step.results)
        return frozenset(found)
