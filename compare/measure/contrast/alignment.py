"""Which value of one side is which of the other: equal in some layout, made of partners, and in an order that both
sides share. No table of names decides anything."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from compare.measure.contrast.dataflow import Dataflow
from compare.measure.contrast.thresholds import SAME, SUPPORT
from compare.measure.contrast.values_alike import alike


@dataclass(frozen=True)
class Group:
    """Steps that face each other: what either side runs between the ``edge`` and one value that both have.

    Attributes:
        value, other: that value, the reference's and the port's number of it.
        reference, port: the steps, by their positions in the records.
        edge: the reference's values that enter it, each with a partner.
    """

    value: int
    other: int
    reference: tuple[int, ...]
    port: tuple[int, ...]
    edge: tuple[int, ...]


def aligned(reference: Dataflow, port: Dataflow, tolerance: float = SAME) -> dict[int, int]:
    """By value of the reference the port's."""
    return _Aligning(reference, port, tolerance).partners


class _Aligning:
    def __init__(self, reference: Dataflow, port: Dataflow, tolerance: float) -> None:
        self.reference, self.port, self.tolerance = reference, port, tolerance
        self.partners: dict[int, int] = {}
        self.back: dict[int, int] = {}
        self.above = (_ancestors(reference), _ancestors(port))
        self._enter()
        for value in reference.maker:
            if value in reference.moving and value in reference.contents:
                self._place(value)

    def _enter(self) -> None:
        """What enters both sides: each once, of equals the first."""
        free = [number for number in self.port.given if number in self.port.contents]
        for number in self.reference.given:
            of = self.reference.contents.get(number)
            same = next((one for one in free if of is not None and self._alike(number, one)), None)
            if same is not None:
                free.remove(same)
                self._pair(number, same)

    def _place(self, value: int) -> None:
        near = {self.partners[one] for one in _nearest(self.reference.parents, value, self.partners)}
        best, most = None, 0.0
        for other in self.port.maker:
            if other in self.back or other not in self.port.contents or not self._alike(value, other):
                continue
            around = _nearest(self.port.parents, other, self.back)
            shared = self._shared(near, around)
            if shared > most and self._is_monotone(value, other):
                best, most = other, shared
        if best is not None and (most >= SUPPORT or not self.reference.contents[value].is_few):
            self._pair(value, best)

    def _shared(self, near: set[int], around: set[int]) -> float:
        """Which part of what two values are computed from is the same. What makes, or is made of, the other's operand
        counts half: a ReLU's gradient is written of its result by one side and of its operand by the other."""
        both = near & around
        mine, its = near - both, around - both
        steps = {
            one: other
            for one in mine
            for other in its
            if other in self.port.parents.get(one, ()) or one in self.port.parents.get(other, ())
        }
        joined = min(len(steps), len(set(steps.values())))
        return (len(both) + joined / 2) / max(1, len(near | around) - joined)

    def _is_monotone(self, value: int, other: int) -> bool:
        """Whether no partner of what leads to ``value`` follows from ``other``."""
        above = self.above[0].get(value, 0)
        bit = 1 << other
        return not any(above >> one & 1 and self.above[1].get(its, 0) & bit for one, its in self.partners.items())

    def _alike(self, value: int, other: int) -> bool:
        return alike(self.reference.contents[value], self.port.contents[other], self.tolerance)

    def _pair(self, value: int, other: int) -> None:
        self.partners[value], self.back[other] = other, value


def _ancestors(flow: Dataflow) -> dict[int, int]:
    """By computed value those that lead to it, as the bits of a number."""
    found: dict[int, int] = {}
    for value, parents in flow.parents.items():
        found[value] = 0
        for parent in parents:
            found[value] |= found.get(parent, 0) | 1 << parent
    return found


def _nearest(parents: Mapping[int, tuple[int, ...]], value: int, matched: Mapping[int, int]) -> set[int]:
    """The values with partners that ``value`` is computed from, through others that have none."""
    return {one for one in _behind(parents, value, matched) if one in matched}


def _behind(parents: Mapping[int, tuple[int, ...]], value: int, matched: Mapping[int, int]) -> Iterator[int]:
    """What ``value`` is computed from, up to and with those that have partners."""
    seen, stack = set[int](), list(parents.get(value, ()))
    while stack:
        one = stack.pop()
        if one not in seen:
            seen.add(one)
            yield one
            if one not in matched:
                stack += parents.get(one, ())


def groups(reference: Dataflow, port: Dataflow, partners: Mapping[int, int]) -> list[Group]:
    """Of each pair of computed values, what lies between it and the pairs before it, on both sides."""
    return [
        group_of(reference, port, value, other, partners)
        for value, other in partners.items()
        if value in reference.maker and other in port.maker
    ]


def group_of(reference: Dataflow, port: Dataflow, value: int, other: int, partners: Mapping[int, int]) -> Group:
    """What makes two values of what has partners."""
    back = {its: one for one, its in partners.items()}
    steps = _between(reference, value, partners), _between(port, other, back)
    return Group(value, other, *steps, tuple(sorted(_nearest(reference.parents, value, partners))))


def _between(flow: Dataflow, value: int, matched: Mapping[int, int]) -> tuple[int, ...]:
    inner = (one for one in _behind(flow.parents, value, matched) if one not in matched and one in flow.moving)
    steps = {flow.maker[value], *(flow.maker[one] for one in inner if one in flow.maker)}
    return tuple(sorted(at for step in steps if (at := flow.steps[step].at) >= 0))
