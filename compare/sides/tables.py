"""Tables that either side holds rounded, and what may take their place: one table, common to both sides.

Another table is admitted in a place only as far as rounding explains the difference, entry by entry: two units in the
last place of the table's own format, or the error that the code that makes it shows there between float32 and float64.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

from compare.frameworks.islands.constants import Constant, holds_float32, shortest
from compare.frameworks.models.modes import Mode
from compare.pair.pair import Entering
from compare.sides.quartet import Quartet
from compare.sides.side import Result
from compare.verdict.thresholds import ROUNDED_RUNS, SHOWN, ULPS

if TYPE_CHECKING:
    from torch import nn

    from compare.frameworks.islands.lookout import Piece
    from compare.frameworks.islands.remade import Making

Values = Mapping[str, np.ndarray]  # of the reference's tables, by dotted name


@dataclass(frozen=True, eq=False)
class Replaced:
    """One table with other values in its place.

    Attributes:
        held: what holds it; ``names`` of a table of the reference: all that hold the same.
        values: the others, in its shape.
    """

    held: Constant
    values: np.ndarray = field(repr=False)
    names: tuple[str, ...] = ()

    @property
    def text(self) -> str:
        if self.names:
            return f"{self.names[0]} of the reference"
        value = f"{self.held.values.item():.9g}" if not self.held.values.ndim else f"an array {self.held.shape}"
        return f"{value} of the port at {self.held.place}"


@dataclass(frozen=True)
class Tables:
    """The tables that the two sides of one run hold rounded.

    Attributes:
        promoted: both sides by promoted oracles, no witness among them.
        t: the reference's run at the working precision, whose dropouts are followed.
    """

    promoted: Quartet
    entering: Entering
    mode: Mode
    t: Result

    def attempts(self) -> Iterator[list[Replaced]]:
        """Sets of tables, each with what may take its place: first the exact table on both sides, then the reference's
        in the port, then the port's in the reference."""
        exact = self._exact_here()
        yield exact + self._there(exact)
        if exact and self.there:
            yield self._there([])
        if exact and (of_port := self._from_port(self.here)):
            yield of_port

    @cached_property
    def here(self) -> list[tuple[Constant, tuple[str, ...]]]:
        """The reference's, each with the names of all that hold the same."""
        from compare.frameworks.islands.buffers import constants_torch

        alike: dict[tuple[bytes, tuple[int, ...]], list[Constant]] = {}
        for constant in constants_torch(self._module):
            if constant.name not in self.promoted.prepared.shapes:
                alike.setdefault((constant.values.tobytes(), constant.shape), []).append(constant)
        return [(same[0], tuple(each.name for each in same)) for same in alike.values()]

    @cached_property
    def there(self) -> list[Constant]:
        """The port's."""
        from compare.frameworks.islands.witness import constants_jax

        with self.promoted.port_64.x64():
            function, args = self.promoted.port_64.program(self.entering, self.mode, self.t.dropped)
            return constants_jax(function, *args)

    @cached_property
    def makings(self) -> "dict[str, Making]":
        """Of the reference's tables those that can be made anew, by dotted name."""
        from compare.frameworks.islands.remade import makings

        return makings(self._module, [constant for constant, _ in self.here])

    @property
    def _module(self) -> "nn.Module":
        """The user's own, which is looked at and not run."""
        from compare.frameworks.models.references import ReferenceModel

        assert isinstance(self.promoted.prepared.reference, ReferenceModel)
        return self.promoted.prepared.reference.module

    def _exact_here(self) -> list[Replaced]:
        """The reference's tables with what its own code makes of them in float64, the others with what the port has."""
        own = [
            Replaced(constant, self.makings[constant.name].exact, names)
            for constant, names in self.here
            if constant.name in self.makings
        ]
        others = [(constant, names) for constant, names in self.here if constant.name not in self.makings]
        return own + self._from_port(others)

    def _from_port(self, tables: Sequence[tuple[Constant, tuple[str, ...]]]) -> list[Replaced]:
        """The reference's tables with what the port computes or holds in their place, as far as it is admitted."""
        from compare.frameworks.islands.exact import look_out_jax
        from compare.frameworks.islands.lookout import Lookout

        if not tables:
            return []

        def run(lookout: Lookout, rng: np.random.Generator | None = None) -> None:
            with self.promoted.port_64.x64():
                function, args = self.promoted.port_64.program(self.entering, self.mode, self.t.dropped)
                look_out_jax(lookout, function, *args, rng=rng)

        lookout = Lookout([constant.values for constant, _ in tables])
        run(lookout)
        errors = _Errors(run)
        replaced = []
        for place, (constant, names) in enumerate(tables):
            pieces = lookout.pieces(place)
            values = _admitted(constant, pieces, errors, self._own_error(constant))
            replaced += [Replaced(constant, values, names)] if values is not None else []
        return replaced

    def _own_error(self, constant: Constant) -> np.ndarray | float:
        """Of a table of the reference, the error that its own code shows."""
        making = self.makings.get(constant.name)
        return 0.0 if making is None else np.abs(constant.values - making.exact)

    def _there(self, exact: Sequence[Replaced]) -> list[Replaced]:
        """The port's tables with what the reference has in their place, ``exact`` in its own; and scalars with the
        decimals that they were typed as."""
        scalars = [
            Replaced(constant, shortest(constant.values, constant.dtype))
            for constant in self.there
            if not constant.values.ndim
        ]
        tables = [constant for constant in self.there if constant.values.ndim]
        if not tables:
            return scalars
        from compare.frameworks.islands.lookout import Lookout
        from compare.sides.watched import WatchedReference

        values = {name: each.values for each in exact for name in each.names}
        prepared, device = self.promoted.prepared, self.promoted.oracle.torch
        held = [constant.name for constant, _ in self.here]

        def run(lookout: Lookout, rng: np.random.Generator | None = None) -> None:
            replaced = values if rng is None else {**values, **self._rounded(exact, rng)}
            WatchedReference(prepared, device, lookout, held, replaced, rng).run(self.entering, self.mode)

        lookout = Lookout([constant.values for constant in tables])
        run(lookout)
        errors = _Errors(run)
        found = []
        for place, constant in enumerate(tables):
            admitted = _admitted(constant, lookout.pieces(place), errors)
            found += [Replaced(constant, admitted)] if admitted is not None else []
        return found + scalars

    def _rounded(self, exact: Sequence[Replaced], rng: np.random.Generator) -> dict[str, np.ndarray]:
        """The reference's tables as their own code makes them, every result rounded at random."""
        made = [(each, self.makings[each.held.name]) for each in exact if each.held.name in self.makings]
        again = [(each, making.rounded(rng)) for each, making in made]
        return {name: array for each, array in again for name in each.names}


class _Errors:
    """The error that a run's code shows of each of its values: over runs that are rounded at random."""

    def __init__(self, run: Callable[..., None]) -> None:
        self._run = run
        self._errors: dict[int, np.ndarray] = {}

    def of(self, pieces: Sequence["Piece"]) -> dict[int, np.ndarray]:
        """By a value's number, the largest error of each of its entries."""
        from compare.frameworks.islands.lookout import Lookout

        new = {piece.order: piece.values for piece in pieces if piece.order not in self._errors}
        if new:
            self._errors |= {order: np.zeros(values.shape) for order, values in new.items()}
            for rng in np.random.default_rng(0).spawn(ROUNDED_RUNS):
                lookout = Lookout(wanted=frozenset(new))
                self._run(lookout, rng)
                for order, values in new.items():
                    if (again := lookout.kept.get(order)) is not None and again.shape == values.shape:
                        self._errors[order] = np.maximum(self._errors[order], np.abs(again - values))
        return self._errors


def _admitted(
    held: Constant, pieces: Sequence["Piece"], errors: _Errors, own: np.ndarray | float = 0.0
) -> np.ndarray | None:
    """The table with every piece that rounding explains in its place; None where there is none.

    Args:
        errors: what the code that makes the pieces shows.
        own: what the code that makes the table itself shows, entry by entry.
    """
    from compare.frameworks.islands.last_place import units

    table = np.squeeze(held.values)
    ulps = units(table, held.dtype)
    own = np.broadcast_to(np.squeeze(own), table.shape)
    values, changed = table.copy(), False
    for piece in pieces:
        # Two tables that are both rounded are each within so many units of one between them.
        two = 2 if holds_float32(piece.values) else 1
        allowed = {window: np.maximum(two * ULPS * ulps[window.place], own[window.place]) for window in piece.windows}
        beyond = [w for w in piece.windows if not _within(table[w.place], piece.values, allowed[w])]
        if beyond:
            shown = SHOWN * errors.of([piece])[piece.order]
            beyond = [w for w in beyond if not _within(table[w.place], piece.values, np.maximum(allowed[w], shown))]
        for window in piece.windows:
            if window not in beyond:
                values[window.place], changed = piece.values, True
    return values.reshape(held.shape) if changed else None


def _within(table: np.ndarray, other: np.ndarray, allowed: np.ndarray) -> bool:
    finite = np.isfinite(table)
    return bool(np.all(np.abs(table[finite] - other[finite]) <= allowed[finite]))
