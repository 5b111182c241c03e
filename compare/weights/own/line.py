"""What one line of the user's own weights is, beside what it should be."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from compare.arrays.views import View
from compare.weights.own.moved import NO_FORM, moved_values
from compare.weights.own.other_lines import OtherLines
from compare.weights.own.partly import partly, shares_most
from compare.weights.own.position_order import said
from compare.weights.own.value_relation import ValueRelation, is_constant, value_relation, wide_floats

EQUAL, ROUNDED, TRANSPOSED, PERMUTED, SCALED = "equal", "rounded", "transposed", "permuted", "scaled"
OTHER, SUMMAND, CONSTANT, MISSING, DIFFERENT = "another line's", "summand", "constant", "missing", "another value"
RESHAPED = "reshaped"
KINDS = (EQUAL, ROUNDED, TRANSPOSED, PERMUTED, RESHAPED, SCALED, OTHER, SUMMAND, CONSTANT, MISSING, DIFFERENT)
RIGHT = (EQUAL, ROUNDED)
OF_A_PART = "wrong in "
OF_THE_ORIGINAL = (EQUAL, ROUNDED, TRANSPOSED, PERMUTED, RESHAPED, SCALED, OTHER, SUMMAND)


@dataclass(frozen=True)
class ExpectedLine:
    """What an array should be.

    Attributes:
        name: of the array, on the side whose weights are judged.
        sources: the arrays of the other side that it is made of.
        array: the right values, in its own layout.
        raw: the other side's array as it lies there, where it is the only source and of as many entries.
        summands: where it holds a sum, its values without one of the two, by what is left out.
        orders: of factors, (as they have to lie here, as they lie there) in words, by their sizes here.
        parts: by the source, where in the array it is.
        room: how far a value may be off that was computed in float32, absolutely; 0 of what is only moved.
    """

    name: str
    sources: Sequence[str]
    array: np.ndarray
    raw: np.ndarray | None = None
    summands: Mapping[str, np.ndarray] = field(default_factory=dict)
    orders: Mapping[tuple[int, ...], tuple[str, str]] = field(default_factory=dict)
    parts: Mapping[str, View] = field(default_factory=dict)
    room: float = 0.0

    @property
    def is_constant(self) -> bool:
        """Whether all its entries are one value: then it tells nothing of where it comes from."""
        return is_constant(self.array)


@dataclass(frozen=True)
class OwnLine:
    """What an array is.

    Attributes:
        name, sources: as in ``ExpectedLine``.
        kind: one of ``KINDS``; reshaped: all values in their order, in another shape.
        text: what the kind does not say, in words.
        tells: whether it is the original's, whatever was done to it, and no constant.
        or_rounded: of a constant, the rounding that would make all of the right values one; empty where none would.
        sure: whether the map is of what it should be; where it is not, nobody is accused.
    """

    name: str
    sources: tuple[str, ...]
    kind: str
    text: str = ""
    tells: bool = False
    or_rounded: str = ""
    sure: bool = True

    @property
    def right(self) -> bool:
        return self.kind in RIGHT

    @property
    def words(self) -> str:
        """All of it in words."""
        if not (self.right or self.sure):
            return f"not sure, as its line of the map is not: {replace(self, sure=True).words}"
        if self.kind in (SCALED, OTHER, SUMMAND) or self.text.startswith((self.kind, OF_A_PART)):
            return self.text
        if self.kind == ROUNDED:
            return f"{self.kind} {self.text}"
        return f"{self.kind}: {self.text}" if self.text else self.kind


def own_line(expected: ExpectedLine, given: np.ndarray | None, others: OtherLines) -> OwnLine:
    """What ``given`` is, the user's array in the place of ``expected``; None where there is none.

    Args:
        others: every line's right values, to see which line's these are.
    """
    if given is None:
        return OwnLine(expected.name, tuple(expected.sources), MISSING)
    same = expected.array.dtype == given.dtype and np.array_equal(expected.array, given)
    right, own = (expected.array, given) if same else (wide_floats(expected.array), wide_floats(given))
    kind, text = (EQUAL, "") if same else _found(expected, right, own, others)
    if (kind == DIFFERENT or text == NO_FORM) and right.shape == own.shape == expected.array.shape:
        kind, text = _of_parts(expected, right, own) or (kind, text)
    tells = kind in OF_THE_ORIGINAL or (kind == DIFFERENT and shares_most(right, own))
    tells = tells and not (expected.is_constant and kind in (*RIGHT, DIFFERENT))
    rounds = value_relation(right, own, scaled=False) if kind == CONSTANT and right.shape == own.shape else None
    or_rounded = f"to {rounds.rounded_to}" if rounds and rounds.rounded_to else ""
    return OwnLine(expected.name, tuple(expected.sources), kind, text, tells, or_rounded)


def with_others(lines: Sequence[OwnLine]) -> tuple[OwnLine, ...]:
    """The lines once all are known: what may be a constant, or values near to it that were rounded, is the latter where
    another line shows that all were rounded so."""
    roundings = {line.text for line in lines if line.kind == ROUNDED and line.tells}
    return tuple(
        replace(line, kind=ROUNDED, text=line.or_rounded) if line.or_rounded in roundings else line for line in lines
    )


def _of_parts(expected: ExpectedLine, right: np.ndarray, given: np.ndarray) -> tuple[str, str] | None:
    """Of an array that is put together: which of its parts is what; None where that explains nothing."""
    if len(expected.parts) < 2:
        return None
    parts = {source: np.ascontiguousarray(view.of(right)) for source, view in expected.parts.items()}
    others, lines = OtherLines(parts), dict[str, OwnLine]()
    for source, view in expected.parts.items():
        own = np.ascontiguousarray(view.of(given))
        lines[source] = own_line(ExpectedLine(source, (), parts[source]), own, others)
    wrong = {source: line for source, line in lines.items() if not line.right}
    if not wrong or (len(wrong) == len(lines) and any(line.kind == DIFFERENT for line in wrong.values())):
        return None
    text = "; ".join(f"the part from {source}: {line.words}" for source, line in wrong.items())
    return next(iter(wrong.values())).kind, OF_A_PART + text


def _found(expected: ExpectedLine, right: np.ndarray, given: np.ndarray, others: OtherLines) -> tuple[str, str]:
    if is_constant(given) and given.size and given.flat[0] in (0, 1) and not is_constant(right):
        return CONSTANT, f"all {given.flat[0]:g}"
    if right.shape == given.shape:
        if expected.room and bool(np.all(np.abs(given - right) <= expected.room)):
            return ROUNDED, "to float32, to its last place"
        if own := value_relation(right, given, scaled=False):
            if own.lost:
                return DIFFERENT, own.text
            return (ROUNDED, f"to {own.rounded_to}") if own.rounded_to else (EQUAL, "")
        if (back := value_relation(given, right, scaled=False)) and not back.lost:
            return ROUNDED, f"on the other side, to {back.rounded_to}"
        if own := value_relation(right, given):
            return SCALED, own.text
    if is_constant(given) and given.size and given.flat[0] in (0, 1):
        return CONSTANT, f"all {given.flat[0]:g}"
    if np.all(np.isfinite(right)) and (strange := int(np.count_nonzero(~np.isfinite(given)))):
        return DIFFERENT, f"{strange} of {given.size} entries are not finite"
    for left_out, without in expected.summands.items():
        if (own := value_relation(wide_floats(without), given, scaled=False)) is not None:
            return SUMMAND, _and(own, f"without {left_out}, with which it holds the sum")
    reshaped = right.reshape(given.shape) if right.size == given.size and right.shape != given.shape else None
    if reshaped is not None and (own := value_relation(reshaped, given, scaled=False)):
        return RESHAPED, _and(own, f"of the shape {said(given.shape)} for {said(right.shape)}")
    if right.size == given.size and (moved := moved_values(right, given, expected.raw)):
        parts = expected.parts if right.shape == expected.array.shape else {}  # of a complex array it is another
        return TRANSPOSED if moved.transposes else PERMUTED, moved.text(given.shape, expected.orders, parts)
    if other := others.of(given, expected.name):
        return OTHER, other
    if right.shape != given.shape:
        return DIFFERENT, f"of the shape {said(given.shape)} for {said(right.shape)}"
    return DIFFERENT, partly(right, given)


def _and(own: ValueRelation, text: str) -> str:
    return f"{text}; {own.text}" if own.text else text
