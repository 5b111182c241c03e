"""Numbers that a side rounded to float32 before its program ran: ``LOG_2PI = jnp.log(2 * jnp.pi)`` above the functions,
``self.scale = jnp.sqrt(width)`` in a constructor.

What such a number was before nothing in the program tells, and the other side's may stand inside a kernel, or be twice
it. But one number has to account for every entry of every quantity: it is found from the gap itself, by least squares,
and what is found is admitted like any other table, within two units in the last place of what is held.
"""

from collections.abc import Iterator, Sequence
from dataclasses import replace

import numpy as np

from compare.arrays.arrays import wide
from compare.errors import swallowed
from compare.frameworks.islands.last_place import units
from compare.sides.context import Witness
from compare.sides.side import Result, Run, SideError, What
from compare.sides.tables import Replaced, Tables
from compare.verdict.thresholds import FITTED_SCALARS, FITTINGS, ULPS


def with_fitted_scalars(
    tables: Tables, replaced: Sequence[Replaced], what: What, runs: tuple[Result, Result], names: Sequence[str]
) -> list[Replaced]:
    """``replaced``, and in the places of single numbers those that leave least of the gap; none where there is no such
    number, or where one is further off than rounding explains.

    Args:
        replaced: what takes the places of the tables whose code can be run.
        runs: both sides' at the working precision.
        names: every quantity of the run.
    """
    sought = list(_few(tables))
    others = [one for one in replaced if not any(one.held is each.held for each in sought)]
    if not sought:
        return []
    held = np.concatenate([one.held.values.ravel() for one in sought])
    unit = np.concatenate([units(one.held.values, one.held.dtype).ravel() for one in sought])
    ends = np.cumsum([one.held.values.size for one in sought])[:-1]

    def placed(values: np.ndarray) -> list[Replaced]:
        parts = zip(sought, np.split(values, ends), strict=True)
        return [*others, *(replace(one, values=part.reshape(one.held.shape)) for one, part in parts)]

    def runs_64(values: np.ndarray) -> tuple[Run, Run] | None:
        by = replace(tables.promoted, witness=witness_of(placed(values)), sides={})
        try:
            return by.oracle_reference(tables.entering, what), by.oracle_port(tables.entering, what, runs[0])
        except SideError as error:  # the values do not fit after all
            swallowed(error)
            return None

    if (plain := runs_64(held)) is None:
        return []
    errors = _errors(runs, plain, names)

    def gap(values: np.ndarray) -> np.ndarray:
        t64, j64 = runs_64(values) or plain
        return np.concatenate([_apart(t64, j64, name) / error for name, error in errors.items()])

    left = gap(held)
    slopes = np.stack([gap(held + unit * along) - left for along in np.eye(len(held))], axis=1)  # for a unit of each
    found = held
    for _ in range(FITTINGS):
        found = found - unit * np.linalg.lstsq(slopes, left, rcond=None)[0]
        if not np.all(np.abs(found - held) <= ULPS * unit):
            return []
        left = gap(found)
    return placed(found)


def _few(tables: Tables) -> Iterator[Replaced]:
    """As many of the numbers as can be sought together, as they are held, those of the smallest arrays first."""
    held = [*((constant, ()) for constant in tables.there), *tables.here]
    room = FITTED_SCALARS
    for constant, names in sorted(held, key=lambda each: each[0].values.size):
        room -= constant.values.size
        if room >= 0 and not np.iscomplexobj(constant.values):
            yield Replaced(constant, constant.values, names)


def _errors(runs: tuple[Run, Run], runs_64: tuple[Run, Run], names: Sequence[str]) -> dict[str, float]:
    """What rounding to the working precision leaves of each quantity that all runs have: beside it what is zero on
    paper, and rounding alone, has no say."""
    there = [name for name in names if all(name in run for run in (*runs, *runs_64))]
    alike = [name for name in there if len({np.shape(run[name]) for run in (*runs, *runs_64)}) == 1]
    errors = {
        name: sum(_norm(_apart(run, wide, name)) for run, wide in zip(runs, runs_64, strict=True)) for name in alike
    }
    return {name: error for name, error in errors.items() if error}


def _apart(run: Run, other: Run, name: str) -> np.ndarray:
    """What is between two runs; 0 where that is not finite."""
    with np.errstate(invalid="ignore", over="ignore"):
        difference = (wide(run[name]) - wide(other[name])).ravel()
    return np.where(np.isfinite(difference), difference, 0.0)


def _norm(difference: np.ndarray) -> float:
    return float(np.linalg.norm(difference))


def witness_of(tables: Sequence[Replaced]) -> Witness:
    """The tables in words, and what stands in their places on each side."""
    reference = {name: table.values for table in tables for name in table.names}
    port = tuple((table.held.values, table.values) for table in tables if not table.names)
    return Witness(f"held in float32: {', '.join([table.text for table in tables][:4])}", reference, port)
