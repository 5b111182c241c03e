"""The weights that a user converted, line by line beside what the map makes of the original's.

Either side can be the original. Each array of the other one is a line: what it should be is what the map carries over,
whole, so that the order of what is packed in it shows as well.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, replace
from typing import Literal

import numpy as np

from compare.arrays.arrays import Arrays, Shapes
from compare.arrays.made import Made
from compare.errors import UsageError
from compare.verdict.counted import counted
from compare.weights.own.expected_lines import expected_of_port, expected_of_reference
from compare.weights.own.line import ROUNDED, ExpectedLine, OwnLine, own_line, with_others
from compare.weights.own.other_lines import OtherLines
from compare.weights.weights import WeightMap

Side = Literal["reference", "port"]
OTHER_SIDE: Mapping[Side, Side] = {"reference": "port", "port": "reference"}


@dataclass(frozen=True)
class OwnWeights:
    """What the weights of one side are, beside the other's.

    Attributes:
        original: the side whose weights are right.
        lines: one for each array of the other side, in the order of the map; then those that it alone has and the pair
            accepts.
        left_over: arrays that came with the weights and that the model does not have.
        notes: what is worth saying of how they came.
        asked: whether somebody asked for it, so that it counts.
    """

    original: Side
    lines: tuple[OwnLine, ...]
    left_over: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    asked: bool = False

    @property
    def side(self) -> Side:
        """The side that is judged."""
        return OTHER_SIDE[self.original]

    @property
    def judged(self) -> bool:
        """Whether one array at least is the original's, whatever was done to it, and no constant; or all are right, as
        those of layers that were never trained are."""
        return self._told or (bool(self.lines) and all(line.right for line in self.lines))

    @property
    def _told(self) -> bool:
        return any(line.tells for line in self.lines)

    @property
    def wrong(self) -> tuple[OwnLine, ...]:
        return tuple(line for line in self.lines if line.sure and not line.right) if self.judged else ()

    @property
    def unsure(self) -> tuple[OwnLine, ...]:
        """What would be wrong if the map were right, and the map is not sure of it."""
        return tuple(line for line in self.lines if not (line.sure or line.right)) if self.judged else ()

    @property
    def right(self) -> bool:
        return self.judged and not self.wrong

    @property
    def failed(self) -> bool:
        """Whether it counts against the pair."""
        return self.asked and not self.right

    @property
    def answer(self) -> str:
        """In one sentence."""
        if not self.judged:
            return f"not judged: the {self.side}'s own weights are not the {self.original}'s"
        count = counted(len(self.lines), "array")
        if not self.wrong:
            low = [line.text for line in self.lines if line.kind == ROUNDED]
            to = f" {low[0]}" if len({*low}) == 1 else ""
            rounded = f", {len(low)} of them rounded{to}" if low else ""
            unsure = f", {len(self.unsure)} of them not sure, first {self.unsure[0].name}" if self.unsure else ""
            alike = "" if self._told else f", all of them constants{'' if low else ' and equal'}"
            return f"the {self.side}'s own weights are the {self.original}'s: {count}{alike}{rounded}{unsure}"
        first = self.wrong[0]
        more = f", and {len(self.wrong) - 1} more" if len(self.wrong) > 1 else ""
        return (
            f"{len(self.wrong)} of {count} of the {self.side} are not what the {self.original}'s weights make them: "
            f"{first.name} is {first.words}{more}"
        )


@dataclass(frozen=True)
class OwnValues:
    """The values of both sides as they were given.

    Attributes:
        reference, port: by name and by path; what is not there is missing.
        shapes, leaves: of the mapped arrays of either.
        left_over, notes: as in ``OwnWeights``, of either side.
        alone: of each side, what it alone has and what both functions were compared with: (the value in that
            comparison, the value that was given, None where it is missing) by name.
        doubted: the reference's arrays of which the map is not sure.
    """

    reference: Arrays
    port: Arrays
    shapes: Shapes
    leaves: Shapes
    left_over: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    notes: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    alone: Mapping[str, Mapping[str, tuple[np.ndarray, np.ndarray | None]]] = field(default_factory=dict)
    doubted: Collection[str] = ()


def own_weights(
    weight_map: WeightMap, values: OwnValues, original: Side = "reference", asked: bool = False
) -> OwnWeights:
    """Judge the weights of the side that is not the ``original``.

    Raises:
        UsageError: the original lacks an array, or has one of another shape.
    """
    right = values.reference if original == "reference" else values.port
    given = dict(values.port if original == "reference" else values.reference)
    shapes = values.shapes if original == "reference" else values.leaves
    _check_whole(original, right, shapes)
    if original == "reference":
        lines = expected_of_port(weight_map, right, values.shapes, values.leaves)
    else:
        lines = expected_of_reference(weight_map, right, values.shapes, values.leaves)
        given = _collected(weight_map, given, values.shapes)
    others = OtherLines(Made(lines, lambda name: lines[name].array))
    with np.errstate(all="ignore"):  # of what is not finite, or overflows, it is said in words
        found = with_others([own_line(lines[name], given.get(name), others) for name in lines])
        doubted = {*values.doubted}
        found = tuple(replace(line, sure=doubted.isdisjoint({line.name, *line.sources})) for line in found)
        found += _alone(values, OTHER_SIDE[original])
        beside = [line for line in _alone(values, original) if not line.right]
    side, notes = OTHER_SIDE[original], [note for one in values.notes.values() for note in one]
    notes += [
        f"{line.name}, which the {original} alone has, is not what both functions are compared with: {line.words}"
        for line in beside
    ]
    return OwnWeights(original, found, values.left_over.get(side, ()), tuple(notes), asked)


def _alone(values: OwnValues, side: Side) -> tuple[OwnLine, ...]:
    """What a side alone has, beside what it was compared with: no map says what it should be, and a verdict is of that
    value alone."""
    every = values.alone.get(side, {})
    lines = (own_line(ExpectedLine(name, (), right), given, OtherLines({})) for name, (right, given) in every.items())
    return tuple(replace(line, tells=False) for line in lines)


def _collected(weight_map: WeightMap, given: Arrays, shapes: Shapes) -> Arrays:
    """The arrays with each sum in its first and zeros in its second, as the map carries them back: how a sum is parted
    changes nothing."""
    for both in weight_map.summed:
        names = {both.first, both.second}
        if all(name in given and given[name].shape == shapes[name] for name in names):
            given |= {name: np.array(given[name]) for name in names}
            both.collect(given)
    return given


def _check_whole(original: Side, right: Arrays, shapes: Shapes) -> None:
    for name, shape in shapes.items():
        if name not in right:
            raise UsageError(f"weights: the {original}'s own have no {name}, so that nothing can be held against them")
        if right[name].shape != tuple(shape):
            raise UsageError(
                f"weights: {name} of the {original}'s own is {right[name].shape}, the model's is {tuple(shape)}"
            )
