"""The weight map: which entry of a torch ``state_dict`` is which leaf of the Flax variables, and their layouts.

Weights and buffers go to the port through it; gradients, updates, optimizer moments and running statistics come back
through it, so that everything is compared in one layout, the reference's. Both sides are flat here: the reference's
arrays by their ``state_dict`` name, the port's leaves by their path, ``params/Dense_0/kernel``.
"""

from collections.abc import Collection, Iterable, Iterator, Mapping
from typing import Any

import numpy as np
from numpy.typing import DTypeLike

from compare.arrays.arrays import Arrays, Shapes
from compare.arrays.views import View, assign
from compare.errors import UsageError, did_you_mean, nearest
from compare.weights.entry import Entry, Sum


class WeightMap:
    """The lines of a map, strict both ways: nothing missing, nothing left over, every shape checked.

    Args:
        groups: entries, or groups of them (any iterable of ``Entry``).

    Attributes:
        entries: all of them, in their order.

    Raises:
        UsageError: something else is among them.
    """

    def __init__(self, *groups: Entry | Iterable[Entry]) -> None:
        lines = [group if isinstance(group, Iterable) else [group] for group in groups]
        self.entries = tuple(entry for group in lines for entry in group)
        if strange := [entry for entry in self.entries if not isinstance(entry, Entry)]:
            raise UsageError(f"weight map: expected Entry objects, got {strange[0]!r}")

    @property
    def references(self) -> tuple[str, ...]:
        """The reference's names, each once, in the order of the map."""
        return tuple(dict.fromkeys(entry.reference for entry in self.entries))

    @property
    def ports(self) -> tuple[str, ...]:
        """The port's paths, each once, in the order of the map."""
        return tuple(dict.fromkeys(entry.port for entry in self.entries))

    def to_port(self, arrays: Arrays, leaves: Shapes, values: bool = True) -> Arrays:
        """The reference's ``arrays`` (by name) as the port's leaves, each C-contiguous and its own copy.

        Args:
            arrays: the reference's, by name.
            leaves: the port's shapes, by path.
            values: they are weights, and a line's offset is added; not to moments.

        Raises:
            UsageError: an array or a leaf is missing, left over or of another shape.
        """
        return dict(self.each_to_port(arrays, leaves, values=values))

    def each_to_port(
        self,
        arrays: Arrays,
        leaves: Shapes,
        dtype: DTypeLike | None = None,
        exact: bool = False,
        values: bool = True,
    ) -> Iterator[tuple[str, np.ndarray]]:
        """``to_port`` one leaf at a time, so that a large model needs no second copy of everything.

        Args:
            arrays: the reference's, by name.
            leaves: the port's shapes, by path.
            dtype: of the leaves, where not the arrays' own: converted on the way, without one more copy.
            exact: what is computed (a sum, a constant more) is taken and kept in float64: of arrays that were rounded
                to float32 it is not.
            values: as in ``to_port``.

        Raises:
            UsageError: an array or a leaf is missing, left over or of another shape.
        """
        self._check_names(arrays, self.references, "the reference")
        self._check_names(leaves, self.ports, "the port")
        for path in self.ports:
            entries = [entry for entry in self.entries if entry.port == path]
            computed = exact and any(entry.summed or entry.offset for entry in entries)
            own_dtype = np.float64 if computed else dtype or arrays[entries[0].reference].dtype
            first = entries[0]
            leaf = np.empty(
                leaves[path], _dtype(own_dtype, arrays[first.reference].dtype, first.reference_view, first.port_view)
            )
            for entry in entries:
                own, other = entry.port_view.of(leaf), entry.reference_view.of(arrays[entry.reference])
                self._check_shapes(entry, other, own)
                assign(own, own + other if entry.summed else other)
                if values and entry.offset:
                    own += entry.offset
            yield path, leaf

    def to_reference(self, leaves: Arrays, shapes: Shapes, values: bool = False, consume: bool = False) -> Arrays:
        """The port's leaves under the reference's names, in its layout.

        Args:
            leaves: gradients, updates or moments by path; only the lines whose leaf is there come back.
            shapes: the reference's shapes by name.
            values: the leaves are weights: of two summed arrays the first gets the sum, the second zeros, a line's
                offset is taken off, and of an array that the port holds twice the first is taken. Of anything else (a
                gradient) both summed ones get the leaf's, and what is held twice is added.
            consume: ``leaves`` is emptied on the way: of a large model, both layouts are never there at once.

        Raises:
            UsageError: a leaf is of another shape.
        """
        arrays: Arrays = {}
        ordered = sorted(self.entries, key=lambda entry: entry.tied)  # what is held once more is added to the first
        last = {entry.port: entry for entry in ordered}
        for entry in ordered:
            if entry.port not in leaves:
                continue
            leaf = leaves[entry.port]
            if consume and last[entry.port] is entry:
                del leaves[entry.port]
            if entry.tied and entry.reference in arrays:
                if not values:
                    arrays[entry.reference] = self._with_more(entry, arrays[entry.reference], leaf)
                continue
            if not (entry.reference_view.steps or entry.port_view.steps or entry.summed or entry.offset):
                self._check_shapes(entry, np.broadcast_to(np.uint8(0), shapes[entry.reference]), leaf)
                arrays[entry.reference] = leaf
                continue
            held = _dtype(leaf.dtype, leaf.dtype, entry.port_view, entry.reference_view)
            array = arrays.setdefault(entry.reference, np.empty(shapes[entry.reference], held))
            own, other = entry.port_view.of(leaf), entry.reference_view.of(array)
            self._check_shapes(entry, other, own)
            if values and entry.summed:
                other[...] = 0
            else:
                assign(other, own - entry.offset if values and entry.offset else own)
        return arrays

    @property
    def summed(self) -> tuple[Sum, ...]:
        """Every pair of the reference's views that the port holds as their sum."""
        first = {(entry.port, entry.port_view): entry for entry in self.entries if not entry.summed}
        return tuple(
            Sum(held.reference, held.reference_view, entry.reference, entry.reference_view)
            for entry in self.entries
            if entry.summed and (held := first.get((entry.port, entry.port_view)))
        )

    def check(
        self, arrays: Shapes, leaves: Shapes, of_complex: tuple[Collection[str], Collection[str]] | None = None
    ) -> None:
        """Hold the map against the shapes of both sides.

        Args:
            arrays: the reference's shapes, by name.
            leaves: the port's shapes, by path.
            of_complex: which arrays of the reference and which leaves of the port are complex, where it is known.

        Raises:
            UsageError: an array is missing, left over, of another shape, or only partly mapped; or it is complex on one
                side only, and the map does not say where the other holds its two parts.
        """
        self._check_names(arrays, self.references, "the reference")
        self._check_names(leaves, self.ports, "the port")
        for entry in self.entries:
            if of_complex is not None:
                _check_parts(entry, *of_complex)
            try:
                other, own = (
                    _shown(entry.reference_view, arrays[entry.reference]),
                    _shown(entry.port_view, leaves[entry.port]),
                )
            except (ValueError, IndexError) as error:
                raise UsageError(f"weight map: {entry.explain()}: {' '.join(str(error).split())}") from error
            self._check_shapes(entry, other, own)
        once = [entry for entry in self.entries if not entry.tied]
        if lost := {entry.reference for entry in self.entries} - {entry.reference for entry in once}:
            raise UsageError(f"weight map: {min(lost)} has no line but one that holds it once more (tied=True)")
        self._check_tiled([(entry.reference, entry.reference_view) for entry in once], arrays)
        self._check_tiled([(entry.port, entry.port_view) for entry in self.entries if not entry.summed], leaves)

    def explain(self) -> list[str]:
        """One line for each entry: both names, the layout change, and why."""
        return [entry.explain() for entry in self.entries]

    def to_form(self) -> list[dict[str, object]]:
        """The map as JSON holds it."""
        return [
            {
                "reference": entry.reference,
                "port": entry.port,
                "reference_view": entry.reference_view.to_list(),
                "port_view": entry.port_view.to_list(),
                "reason": entry.reason,
                "summed": entry.summed,
                "flattened": entry.flattened,
                **({"offset": entry.offset} if entry.offset else {}),
                **({"tied": True} if entry.tied else {}),
            }
            for entry in self.entries
        ]

    @classmethod
    def from_form(cls, form: Iterable[Mapping[str, Any]]) -> "WeightMap":
        """Read ``form`` back, which ``WeightMap.to_form`` wrote."""
        return cls(
            Entry(
                one["reference"],
                one["port"],
                View.from_list(one["reference_view"]),
                View.from_list(one["port_view"]),
                one["reason"],
                one["summed"],
                tuple(one["flattened"]) if one.get("flattened") else None,
                one.get("offset", 0.0),
                one.get("tied", False),
            )
            for one in form
        )

    def _with_more(self, entry: Entry, array: np.ndarray, leaf: np.ndarray) -> np.ndarray:
        """A gradient with that of a further array of the port's added; neither is changed."""
        whole = np.array(array)
        own, other = entry.port_view.of(leaf), entry.reference_view.of(whole)
        self._check_shapes(entry, other, own)
        other += own
        return whole

    @staticmethod
    def _check_shapes(entry: Entry, reference: np.ndarray, port: np.ndarray) -> None:
        if reference.shape != port.shape:
            raise UsageError(
                f"weight map: {entry.reference} is {reference.shape} in the common layout, {entry.port} is "
                f"{port.shape}: check the sizes and the layout of that entry ({entry.layout})"
            )

    @staticmethod
    def _check_names(given: Iterable[str], mapped: Iterable[str], side: str) -> None:
        there, wanted = set(given), set(mapped)
        if unknown := wanted - there:
            meant = nearest(min(unknown), sorted(there - wanted) or sorted(there), alike=0.0)
            hint = did_you_mean(meant, f"{side} has no arrays")
            raise UsageError(f"weight map: {min(unknown)} of {side} does not exist{hint}")
        if left := there - wanted:
            raise UsageError(
                f"weight map: {min(left)} of {side} is in no entry of the map: every array must be mapped, one to one"
            )

    @staticmethod
    def _check_tiled(views: list[tuple[str, View]], shapes: Shapes) -> None:
        """Every entry of every array is shown exactly once."""
        by_name: dict[str, list[View]] = {}
        for name, view in views:
            by_name.setdefault(name, []).append(view)
        for name, parts in by_name.items():
            if len(parts) == 1 and parts[0].whole:
                continue
            # Of an array that is shown in its parts each is counted in its own.
            times = np.zeros(shapes[name], np.complex64 if any(view.of_parts for view in parts) else np.uint8)
            once = times.dtype.type(1 + 1j if times.dtype.kind == "c" else 1)
            for view in parts:
                view.of(times)[...] += 1 if view.of_parts else once
            if not np.all(times == once):
                what = "leaves out" if np.any((times.real == 0) | (times.imag < once.imag)) else "holds twice"
                count = int(np.count_nonzero(times != once))
                raise UsageError(f"weight map: the lines of {name} {what} {count} of its {times.size} entries")


def _shown(view: View, shape: tuple[int, ...]) -> np.ndarray:
    """The view of an array of that shape that takes no memory (all its entries are one)."""
    steps = view.steps
    if view.of_parts:
        shape, steps = (*shape, 2), steps[1:]
    if steps and steps[0][0] == "reshape":
        if int(np.prod(shape)) != int(np.prod(steps[0][1])):
            raise ValueError(f"shape {shape} cannot be seen as {tuple(steps[0][1])}")
        shape, steps = tuple(steps[0][1]), steps[1:]
    return View(steps).of(np.broadcast_to(np.zeros((), np.uint8), shape))


def _dtype(wanted: DTypeLike, source: np.dtype, from_view: View, into_view: View) -> np.dtype:
    """Of an array that is filled through ``into_view`` from one of dtype ``source`` through ``from_view``: ``wanted``,
    or the complex numbers of that precision, or their parts."""
    is_complex = into_view.of_parts or (source.kind == "c" and not from_view.of_parts)
    own = np.dtype(wanted)
    if is_complex and own.kind != "c":
        return np.result_type(own, np.complex64)
    return np.empty(0, own).real.dtype if own.kind == "c" and not is_complex else own


def _check_parts(entry: Entry, complex_arrays: Collection[str], complex_leaves: Collection[str]) -> None:
    """Both views of a line show complex numbers, or both floats.

    Raises:
        UsageError: one of each; or the parts of what has none.
    """
    kinds = []
    for name, view, known in (
        (entry.reference, entry.reference_view, complex_arrays),
        (entry.port, entry.port_view, complex_leaves),
    ):
        if view.of_parts and name not in known:
            raise UsageError(f"weight map: {name} is real: a view of its parts shows those of a complex array alone")
        kinds.append("complex" if name in known and not view.of_parts else "real")
    if kinds[0] != kinds[1]:
        raise UsageError(
            f"weight map: {entry.reference} is {kinds[0]}, {entry.port} is {kinds[1]}: expected both of one kind, or "
            "a line for each part, whose view of the complex one begins with ('parts', ())"
        )
