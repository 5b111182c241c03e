"""What one line of the user's own weights is, beside what it should be."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

import numpy as np

from compare.weights.own.other_lines import OtherLines
from compare.weights.own.partly import partly
from compare.weights.own.position_order import said
from compare.weights.own.rearrangement import Rearrangement, in_words, rearrangement
from compare.weights.own.value_relation import ValueRelation, value_relation, wide_floats

EQUAL, ROUNDED, TRANSPOSED, PERMUTED, SCALED = "equal", "rounded", "transposed", "permuted", "scaled"
OTHER, SUMMAND, CONSTANT, MISSING, DIFFERENT = "another line's", "summand", "constant", "missing", "another value"
KINDS = (EQUAL, ROUNDED, TRANSPOSED, PERMUTED, SCALED, OTHER, SUMMAND, CONSTANT, MISSING, DIFFERENT)
RIGHT = (EQUAL, ROUNDED)
OF_THE_ORIGINAL = (EQUAL, ROUNDED, TRANSPOSED, PERMUTED, SCALED, OTHER, SUMMAND)


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
    """

    name: str
    sources: tuple[str, ...]
    array: np.ndarray
    raw: np.ndarray | None = None
    summands: Mapping[str, np.ndarray] = field(default_factory=dict)
    orders: Mapping[tuple[int, ...], tuple[str, str]] = field(default_factory=dict)

    @property
    def is_constant(self) -> bool:
        """Whether all its entries are one value: then it tells nothing of where it comes from."""
        return is_constant(wide_floats(self.array))


@dataclass(frozen=True)
class OwnLine:
    """What an array is.

    Attributes:
        name, sources: as in ``ExpectedLine``.
        kind: one of ``KINDS``.
        text: what the kind does not say, in words.
        tells: whether it is the original's, whatever was done to it, and no constant.
    """

    name: str
    sources: tuple[str, ...]
    kind: str
    text: str = ""
    tells: bool = False

    @property
    def right(self) -> bool:
        return self.kind in RIGHT

    @property
    def words(self) -> str:
        """All of it in words."""
        if self.kind in (SCALED, OTHER, SUMMAND) or self.text.startswith(self.kind):
            return self.text
        if self.kind == ROUNDED:
            return f"{self.kind} {self.text}"
        return f"{self.kind}: {self.text}" if self.text else self.kind


def is_constant(values: np.ndarray) -> bool:
    return values.size == 0 or bool(np.all(values == values.flat[0]))


def own_line(expected: ExpectedLine, given: np.ndarray | None, others: OtherLines) -> OwnLine:
    """What ``given`` is, the user's array in the place of ``expected``; None where there is none.

    Args:
        others: every line's right values, to see which line's these are.
    """
    if given is None:
        return OwnLine(expected.name, expected.sources, MISSING)
    kind, text = _found(expected, wide_floats(expected.array), wide_floats(given), others)
    tells = kind in OF_THE_ORIGINAL and not (expected.is_constant and kind in RIGHT)
    return OwnLine(expected.name, expected.sources, kind, text, tells)


def _found(expected: ExpectedLine, right: np.ndarray, given: np.ndarray, others: OtherLines) -> tuple[str, str]:
    if right.shape == given.shape:
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
    if right.size == given.size and (moved := moved_values(right, given, expected.raw)):
        kind = TRANSPOSED if moved.how.exchanges_axes or moved.how.reshaped or moved.of_raw else PERMUTED
        return PERMUTED if moved.how.permutes else kind, moved.text(given.shape, expected.orders)
    if other := others.of(given, expected.name):
        return OTHER, other
    if right.shape != given.shape:
        return DIFFERENT, f"of the shape {said(given.shape)} for {said(right.shape)}"
    return DIFFERENT, partly(right, given)


@dataclass(frozen=True)
class Moved:
    """Right values in wrong places: what was done to them beside, and how they lie.

    Attributes:
        of_raw: the places are those of the array on the other side, as it lies there.
    """

    relation: ValueRelation
    how: Rearrangement
    of_raw: bool = False

    def text(self, shape: tuple[int, ...], orders: Mapping[tuple[int, ...], tuple[str, str]]) -> str:
        """In words, with the names of the factors that the map knows."""
        named = tuple(
            replace(order, text=f"in the order {words[1]} for {words[0]}")
            if (words := orders.get(order.expected)) and order.given == order.expected[::-1]
            else order
            for order in self.how.orders
        )
        lies = in_words(replace(self.how, orders=named), shape)
        before = "as the other side stores it" if self.of_raw else ""
        return ", ".join(filter(None, [before, lies, self.relation.text]))


def moved_values(right: np.ndarray, given: np.ndarray, raw: np.ndarray | None = None) -> Moved | None:
    """The values of ``right`` in other places, or those of ``raw`` as it lies in memory; None where they are others.

    What was done to the values shows when both are sorted, wherever they lie.
    """
    if is_constant(right) or np.isnan(given).any() or not _alike(right, given):
        return None
    ranked, last = np.sort(right, axis=None), np.sort(given, axis=None)
    relation = value_relation(ranked, last)
    if relation is None:
        last = last[::-1]
        relation = value_relation(ranked, last)
    if relation is None:
        return None
    how = rearrangement(_in_place_of(right, last), given)
    if how is not None and not how.reshaped:
        return Moved(relation, how)
    if raw is not None and (stored := rearrangement(_in_place_of(wide_floats(raw), last), given)):
        return Moved(relation, stored, of_raw=True)
    return None if how is None else Moved(relation, how)


def _in_place_of(values: np.ndarray, ranked: np.ndarray) -> np.ndarray:
    """Each of ``values`` replaced by the one of ``ranked`` that has its rank: what became of it, to the bit."""
    made = np.empty(values.size)
    made[np.argsort(values, axis=None, kind="stable")] = ranked
    return made.reshape(values.shape)


def _alike(right: np.ndarray, given: np.ndarray) -> bool:
    """Whether the sizes of the entries, in order, can be in one ratio: of two arrays that have nothing to do with each
    other no sorting is needed."""
    with np.errstate(all="ignore"):
        ratios = [
            norm(np.abs(given)) / norm(np.abs(right)) if norm(np.abs(right)) else np.inf
            for norm in (np.max, np.mean, lambda sizes: float(np.sqrt(np.mean(np.square(sizes)))))
        ]
        moved = float(np.std(given) / np.std(right)) if np.std(right) else np.inf
    close = bool(np.ptp(ratios) <= 0.02 * max(ratios)) if np.all(np.isfinite(ratios)) else False
    return close or abs(moved - 1) <= 0.02


def _and(own: ValueRelation, text: str) -> str:
    return f"{text}; {own.text}" if own.text else text
