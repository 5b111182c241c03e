"""One line of the map from two units: the layout follows from what each axis does, never from its size alone."""

from dataclasses import dataclass, replace
from math import prod

from compare.arrays.views import View
from compare.errors import UsageError
from compare.weights.mapping.atoms import finest
from compare.weights.mapping.units import ORDER, SPACE, Factor, Unit
from compare.weights.weights import Entry


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


def entry_of(reference: Unit, port: Unit, reason: str) -> Entry:
    """The line that shows both units alike, in the port's order.

    Raises:
        UsageError: their axes cannot be laid along each other.
    """
    pairs, moved = _paired_slots(reference, port)
    here = _SideLayout(reference, [mine for mine, _ in pairs])
    there = _SideLayout(port, [theirs for _, theirs in pairs])
    turned = [at for at, (mine, theirs) in enumerate(pairs) if mine.flipped != theirs.flipped]
    reason = f"{_why(reference, port)}; {reason}"
    if moved:
        reason += f"; flattened {moved[0]} here, {moved[1]} there"
    if turned:
        reason += "; the transposed convolution turns its kernel round"
    order = sorted(range(len(pairs)), key=lambda at: there.place[at])
    plain = _plain(reference, port, here, there, order, turned)
    if plain is not None:
        return Entry(reference.leaf, port.leaf, plain, reason=reason)
    mine = here.view([here.place[at] for at in order])
    turned_at = tuple(sorted(order.index(at) for at in turned))
    if turned_at:
        mine = mine.then("flip", turned_at)
    return Entry(reference.leaf, port.leaf, mine, there.view(), reason)


def _plain(
    reference: Unit, port: Unit, here: "_View", there: "_View", order: list[int], turned: list[int]
) -> View | None:
    """Without reshaping, where every factor is a whole axis and both sides have as many axes."""
    if not (here.natural and there.natural) or len(reference.shape) != len(port.shape):
        return None
    ones = iter([axis for axis, size in enumerate(reference.shape) if size == 1])
    big = [axis for axis, size in enumerate(reference.shape) if size > 1]
    places = iter([big[here.place[at]] for at in order])
    try:
        axes = tuple(next(ones) if size == 1 else next(places) for size in port.shape)
    except StopIteration:
        return None
    view = View() if axes == tuple(range(len(axes))) else View((("transpose", axes),))
    if turned:
        kept = [axis for axis, size in enumerate(port.shape) if size > 1]
        view = view.then("flip", tuple(sorted(kept[order.index(at)] for at in turned)))
    return view


class _SideLayout:
    """How one side's array falls into the shared slots."""

    def __init__(self, unit: Unit, slots: list[Slot]) -> None:
        self.unit = unit
        in_memory = sorted(range(len(slots)), key=lambda at: (slots[at].part, -slots[at].stride))
        self.place = {at: position for position, at in enumerate(in_memory)}
        self.shape: list[int] = []
        self.cuts: list[tuple[str, tuple[int, ...]]] = []
        if _is_whole(unit):
            self.shape = [slots[at].size for at in in_memory]
            return
        axis = 0
        for number, factor in enumerate(_factors(unit)):
            own = [slots[at] for at in in_memory if slots[at].part == number]
            if factor.size == factor.full:
                self.shape += [slot.size for slot in own]
                axis += len(own)
            elif len(own) == 1:
                self.shape.append(factor.full)
                self.cuts.append(("slice", (axis, factor.start, factor.start + factor.size)))
                axis += 1
            else:  # one entry of it, or a range that is split further
                if factor.full % factor.size or factor.start % factor.size:
                    raise UsageError(f"weight map: {unit.leaf} falls into pieces that its axes cannot show")
                self.shape += [factor.full // factor.size, *(slot.size for slot in own)]
                self.cuts.append(("index", (axis, factor.start // factor.size)))
                axis += len(own)

    @property
    def natural(self) -> bool:
        return not self.cuts and tuple(self.shape) == tuple(size for size in self.unit.shape if size > 1)

    def view(self, order: list[int] | None = None) -> View:
        view = View() if tuple(self.shape) == self.unit.shape else View((("reshape", tuple(self.shape)),))
        for kind, how in self.cuts:
            view = view.then(kind, how)
        if order is not None and order != sorted(order):
            view = view.then("transpose", tuple(order))
        return view


def _factors(unit: Unit) -> list[Factor]:
    return [factor for factor in unit.factors if factor.full > 1]


def _is_whole(unit: Unit) -> bool:
    return all(factor.size == factor.full for factor in unit.factors)


def _slots(unit: Unit) -> list[Slot]:
    """The unit's factors, split as the whole walk left them, by role and in the order that the use gives them."""
    slots = []
    stride = prod(factor.size for factor in unit.factors)
    whole = _is_whole(unit)
    ends = [prod(unit.shape[axis:]) for axis in range(len(unit.shape))]
    for number, factor in enumerate(_factors(unit)):
        if not whole:
            stride = factor.size
        for at, atom in enumerate(finest([factor.atom]) if factor.size > 1 else []):
            # Of a whole array the parts are its axes, whatever they were split into.
            part = sum(stride <= end for end in ends) if whole else number
            stride //= atom.size
            slot = Slot(atom.size, atom.label, factor.role, factor.flipped, part, stride)
            slots.append((_RANKS.get(factor.role, len(ORDER)), factor.rank, at, slot))
    return [slot for *_, slot in sorted(slots, key=lambda one: one[:3])]


_RANKS = {role: at for at, role in enumerate(ORDER)}


def _paired_slots(reference: Unit, port: Unit) -> tuple[list[tuple[Slot, Slot]], tuple[str, str] | None]:
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
        pairs += _refined(reference, port, own, others)
    return _merged(pairs), moved


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
    letters = {"c": "C", "b": "B", "s0": "H", "s1": "W", "s2": "D"}
    return f"({', '.join(letters.get(str(label), str(label)) for label in _runs(slots))})"


def _why(reference: Unit, port: Unit) -> str:
    kind = reference.kind
    if kind == "matrix":
        return f"{_role_order(reference)} here, {_role_order(port)} there"
    if kind == "conv":
        return "a kernel's axes by what they do"
    if kind == "table":
        return "a table of rows"
    if kind in ("scale", "shift"):
        return "one entry for each of the activation's"
    return "used alike"


def _role_order(unit: Unit) -> str:
    roles = dict.fromkeys(factor.role for factor in _factors(unit) if factor.size > 1)
    return f"({', '.join(role or '?' for role in roles)})"
