"""One line of the map from two units: the layout follows from what each axis does, never from its size alone."""

from dataclasses import replace

from compare.arrays.views import View
from compare.errors import UsageError
from compare.weights.mapping.slots import Slot, factors_of, is_whole, paired_slots
from compare.weights.mapping.units import PART_HINTS, Unit
from compare.weights.weights import Entry


def entry_of(reference: Unit, port: Unit, reason: str) -> Entry:
    """The line that shows both units alike, in the port's order.

    Raises:
        UsageError: their axes cannot be laid along each other.
    """
    if reference.is_complex or port.is_complex:
        return _of_complex(reference, port, reason)
    pairs, moved = paired_slots(reference, port)
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
        return Entry(reference.leaf, port.leaf, plain, reason=reason, flattened=moved)
    mine = here.view([here.place[at] for at in order])
    turned_at = tuple(sorted(order.index(at) for at in turned))
    if turned_at:
        mine = mine.then("flip", turned_at)
    return Entry(reference.leaf, port.leaf, mine, there.view(), reason, flattened=moved)


def _of_complex(reference: Unit, port: Unit, reason: str) -> Entry:
    """The line where a side holds complex numbers: as such where both do, whole; else in their parts."""
    if all(unit.is_complex and unit.factors[-1].size == 2 for unit in (reference, port)):
        mine, theirs = (replace(unit, factors=unit.factors[:-1], is_complex=False) for unit in (reference, port))
        return entry_of(mine, theirs, reason)
    mine, theirs = (replace(unit, shape=unit.shape_in_parts, is_complex=False) for unit in (reference, port))
    line = entry_of(mine, theirs, f"{_which_part(reference) or _which_part(port) or 'both parts'}; {reason}")
    here, there = line.reference_view, line.port_view
    return replace(
        line,
        reference_view=_parts_of(here) if reference.is_complex else here,
        port_view=_parts_of(there) if port.is_complex else there,
    )


def _parts_of(view: View) -> View:
    return View((("parts", ()), *view.steps))


def _which_part(unit: Unit) -> str:
    return next((hint for hint in PART_HINTS if hint in unit.hints), "")


def _plain(
    reference: Unit, port: Unit, here: "_SideLayout", there: "_SideLayout", order: list[int], turned: list[int]
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
        if is_whole(unit):
            self.shape = [slots[at].size for at in in_memory]
            return
        axis = 0
        for number, factor in enumerate(factors_of(unit)):
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
    roles = dict.fromkeys(factor.role for factor in factors_of(unit) if factor.size > 1)
    return f"({', '.join(role or '?' for role in roles)})"
