"""The factors of two units laid along each other: which of one side's is which of the other's, in one common cut."""

from dataclasses import dataclass, replace
from math import prod

from compare.errors import UsageError
from compare.weights.mapping.atoms import finest
from compare.weights.mapping.units import ORDER, SPACE, Factor, Unit

LETTERS = {"c": "C", "b": "B", "s0": "H", "s1": "W", "s2": "D"}  # what the axes of a convolution are called


@dataclass
class Slot:
    """A factor that both sides share, and where it lies on a side: in which part of the array, with which stride."""

    size: int
    label: str | None
    role: str
    flipped: bool
    part: int
    stride: int

    def divided(self, first: int) -> tuple["Slot", "Slot"]:
        """As two, the slower of them with ``first`` entries."""
        rest = self.size // first
        return replace(self, size=first, stride=self.stride * rest), replace(self, size=rest)

    def before(self, other: "Slot") -> bool:
        """Whether the other follows it in memory, so that the two are one axis."""
        return self.part == other.part and self.stride == other.stride * other.size


def factors_of(unit: Unit) -> list[Factor]:
    return [factor for factor in unit.factors if factor.full > 1]


def is_whole(unit: Unit) -> bool:
    return all(factor.size == factor.full for factor in unit.factors)


def _slots(unit: Unit) -> list[Slot]:
    """The unit's factors, split as the whole walk left them, by role and in the order that the use gives them."""
    slots = []
    stride = prod(factor.size for factor in unit.factors)
    whole = is_whole(unit)
    ends = [prod(unit.shape[axis:]) for axis in range(len(unit.shape))]
    for number, factor in enumerate(factors_of(unit)):
        if not whole:
            stride = factor.size
        for at, atom in enumerate(finest([factor.atom]) if factor.size > 1 else []):
            # Of a whole array the parts are its axes, whatever they were split into.
            part = sum(stride <= end for end in ends) if whole else number
            stride //= atom.size
            slot = Slot(atom.size, atom.label, factor.role, factor.flipped, part, stride)
            slots.append((_RANKS.get(factor.role, len(ORDER)), factor.rank, at, slot))
    return [slot for *_, slot in sorted(slots, key=lambda ranked: ranked[:3])]


_RANKS = {role: at for at, role in enumerate(ORDER)}


def paired_slots(reference: Unit, port: Unit) -> tuple[list[tuple[Slot, Slot]], tuple[str, str] | None]:
    pairs: list[tuple[Slot, Slot]] = []
    moved = None
    mine, theirs = _slots(reference), _slots(port)
    same_roles = {slot.role for slot in mine} == {slot.role for slot in theirs}
    if not same_roles:  # used differently: both as they lie in memory
        mine, theirs = (_in_memory(slots) for slots in (mine, theirs))
    for role in (*ORDER, "") if same_roles else (None,):
        own = [slot for slot in mine if role is None or slot.role == role]
        others = [slot for slot in theirs if role is None or slot.role == role]
        if role is not None and role != SPACE:
            aligned = _by_label(own, others)
            if aligned is not None:
                moved, others = (_labels(own), _labels(others)), aligned
        try:
            pairs += _refined(reference, port, own, others)
        except UsageError:  # heads and their width exchanged: each axis as it lies
            pairs += _refined(reference, port, _rejoined(own), _rejoined(others))
    return _merged(pairs), moved


def _rejoined(slots: list[Slot]) -> list[Slot]:
    """The slots with those that are one axis of the array made one."""
    out: list[Slot] = []
    for slot in _in_memory(slots):
        if out and out[-1].before(slot) and out[-1].flipped == slot.flipped:
            slot = replace(slot, size=out.pop().size * slot.size)
        out.append(slot)
    return out


def _by_label(mine: list[Slot], theirs: list[Slot]) -> list[Slot] | None:
    """``theirs`` in the order of ``mine``, where a convolution's axes are flattened in another order."""
    runs, others = _runs(mine), _runs(theirs)
    if len(runs) < 2 or None in runs or None in others or list(runs) == list(others):
        return None
    sizes, other_sizes = ({label: _entry_count(run) for label, run in side.items()} for side in (runs, others))
    return [slot for label in runs for slot in others[label]] if sizes == other_sizes else None


def _runs(slots: list[Slot]) -> dict[str | None, list[Slot]]:
    runs: dict[str | None, list[Slot]] = {}
    for slot in slots:
        runs.setdefault(slot.label, []).append(slot)
    return runs


def _entry_count(slots: list[Slot]) -> int:
    return prod(slot.size for slot in slots)


def _in_memory(slots: list[Slot]) -> list[Slot]:
    return sorted(slots, key=lambda slot: (slot.part, -slot.stride))


def _refined(reference: Unit, port: Unit, mine: list[Slot], theirs: list[Slot]) -> list[tuple[Slot, Slot]]:
    """Both lists laid along each other, each slot split where the other side's is."""
    left, right, pairs = mine[::-1], theirs[::-1], []
    while left and right:
        a, b = left.pop(), right.pop()
        small = min(a.size, b.size)
        if a.size % small or b.size % small:
            raise UsageError(f"weight map: the axes of {reference.leaf} and {port.leaf} do not fit each other")
        if a.size > small:
            a, rest = a.divided(small)
            left.append(rest)
        if b.size > small:
            b, rest = b.divided(small)
            right.append(rest)
        pairs.append((a, b))
    if left or right:
        raise UsageError(f"weight map: {reference.leaf} and {port.leaf} are of different size")
    return pairs


def _merged(pairs: list[tuple[Slot, Slot]]) -> list[tuple[Slot, Slot]]:
    """In the port's order, with neighbours that are neighbours in both arrays made one."""
    out: list[tuple[Slot, Slot]] = []
    for here, there in sorted(pairs, key=lambda pair: (pair[1].part, -pair[1].stride)):
        if out and out[-1][0].before(here) and out[-1][1].before(there) and out[-1][0].flipped == here.flipped:
            before_here, before_there = out.pop()
            here = replace(here, size=before_here.size * here.size)
            there = replace(there, size=before_there.size * there.size)
        out.append((here, there))
    return out


def _labels(slots: list[Slot]) -> str:
    return f"({', '.join(LETTERS.get(str(label), str(label)) for label in _runs(slots))})"
