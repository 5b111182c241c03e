"""Right values in wrong places: what was done to them, and how they lie."""

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np

from compare.arrays.views import View
from compare.weights.own.packed_parts import parts_along, told_apart
from compare.weights.own.rearrangement import Rearrangement, in_place_of, in_words, rearrangement, simple_rearrangement
from compare.weights.own.value_relation import (
    AS_IT_IS,
    ValueRelation,
    in_format,
    is_constant,
    room_of,
    value_relation,
    wide_floats,
)

Orders = Mapping[tuple[int, ...], tuple[str, str]]
NO_FORM = "the same values in an order of no form"


@dataclass(frozen=True)
class Moved:
    """Right values in wrong places: what was done to them beside, and how they lie.

    Attributes:
        how: None where no order shows.
        of_raw: the places are those of the array on the other side, as it lies there.
    """

    relation: ValueRelation
    how: Rearrangement | None
    of_raw: bool = False

    @property
    def transposes(self) -> bool:
        """Whether axes alone are exchanged, or taken as others."""
        return self.how is not None and (self.of_raw or not self.how.permutes)

    def text(self, shape: tuple[int, ...], orders: Orders, parts: Mapping[str, View]) -> str:
        """In words, with the names of the factors that the map knows, and of the parts that are packed.

        Args:
            shape: of the array; orders, parts: as in ``ExpectedLine``.
        """
        if self.how is None:
            return ", ".join(filter(None, [NO_FORM, self.relation.text]))
        named = []
        for axis, order in enumerate(self.how.orders):
            words = orders.get(order.expected) if order.given == order.expected[::-1] else None
            names = parts_along(parts, shape, axis) if len(order.blocks) == len(parts) > 1 else []
            if names:
                names = told_apart(names)
                moved = ", ".join(names[place] for place in order.blocks)
                words = (f"({', '.join(names)})", f"({moved})")
            named.append(replace(order, text=f"in the order {words[1]} for {words[0]}") if words else order)
        lies = in_words(replace(self.how, orders=tuple(named)), shape)
        before = "as the other side stores it" if self.of_raw else ""
        return ", ".join(filter(None, [before, lies, self.relation.text]))


def moved_values(right: np.ndarray, given: np.ndarray, raw: np.ndarray | None = None) -> Moved | None:
    """The values of ``right`` in other places, or those of ``raw`` as it lies in memory; None where they are others.

    What was done to the values shows when both are sorted, wherever they lie.
    """
    if is_constant(right) or np.isnan(given).any() or not _alike(right, given):
        return None
    low = in_format(right, given)
    if (simple := simple_rearrangement(low, given)) is not None:
        return Moved(value_relation(right, low, scaled=False) or AS_IT_IS, simple)
    ranked, last = np.sort(right, axis=None), np.sort(given, axis=None)
    relation = value_relation(ranked, last)
    if relation is None:
        last = last[::-1]
        relation = value_relation(ranked, last)
    if relation is None:
        return None
    how = rearrangement(in_place_of(right, last), given)
    if how is not None and not how.reshaped:
        return Moved(relation, how)
    if raw is not None and (stored := rearrangement(in_place_of(wide_floats(raw), last), given)):
        return Moved(relation, stored, of_raw=True)
    if how is None and relation.keeps:
        return Moved(relation, None)
    return None if how is None else Moved(relation, how)


def _alike(right: np.ndarray, given: np.ndarray) -> bool:
    """Whether the sizes of the entries can be in one ratio, or their spreads equal, up to rounding: of two arrays that
    have nothing to do with each other nothing needs to be sorted."""
    room = room_of(given)
    with np.errstate(all="ignore"):
        sizes = np.abs(given), np.abs(right)
        ratios = [float(measure(sizes[0]) / measure(sizes[1])) for measure in (np.max, np.mean)]
        spread = float(np.ptp(given) / np.ptp(right))
    in_ratio = bool(np.all(np.isfinite(ratios))) and abs(ratios[0] - ratios[1]) <= room * abs(ratios[0])
    return in_ratio or abs(spread - 1) <= room
