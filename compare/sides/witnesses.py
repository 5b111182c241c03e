"""``float32_only`` needs a witness: tables held in float32, named, and responsible for the gap.

Responsible means: with one common, more exact table in their places every quantity of the run is a match, and with one
of them left as it is not every quantity is. That the other table is the same but for rounding, ``tables`` sees to.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

from compare.errors import swallowed
from compare.frameworks.models.modes import Mode
from compare.pair.pair import Entering
from compare.sides.context import Witness
from compare.sides.fitted_scalars import with_fitted_scalars, witness_of
from compare.sides.quartet import Quartet
from compare.sides.side import STEPS, Result, Run, SideError, What
from compare.sides.tables import Replaced, Tables
from compare.verdict.verdict import Verdict

NONE = "agrees to float32, and no constant held in float32 explains the rest"


def find_witness(
    quartet: Quartet,
    entering: Entering,
    what: What,
    names: Sequence[str],
    runs: tuple[Result, Result],
    sizes: Mapping[str, float],
) -> Witness | None:
    """The witness of a gap that rounded tables may explain; None where there is none.

    Args:
        names: every quantity of the run.
        runs: both sides' at the working precision.
        sizes: what each quantity's size counts as at least.
    """
    promoted = quartet.using(replace(quartet.oracles, promoted=True, witness=None))
    mode: Mode = quartet.prepared.modes[0] if what == STEPS else what

    def closes(tables: Sequence[Replaced]) -> bool:
        tried = replace(promoted, witness=witness_of(tables), sides={})  # what is compiled for it goes with it
        return set(names) <= closed_by(tried, entering, what, names, runs, sizes)

    try:
        held = Tables(promoted, entering, mode, runs[0])
        attempts = list[Sequence[Replaced]]()
        for tables in held.attempts():
            attempts.append(tables)
            if tables and closes(tables):
                return witness_of(_least(tables, closes))
        fitted = with_fitted_scalars(held, attempts[0], what, runs, names)
        if fitted and closes(fitted):
            return witness_of(_least(fitted, closes))
    except Exception as error:  # a model that does not stand being looked into shows no constant
        swallowed(error)
    return None


def closed_by(
    in_place: Quartet,
    entering: Entering,
    what: What,
    names: Sequence[str],
    runs: tuple[Result, Result],
    sizes: Mapping[str, float],
) -> set[str]:
    """Those of the quantities that are a match by oracles in which a witness's exact values stand in place."""
    try:
        t64: Run = in_place.oracle_reference(entering, what)
        j64: Run = in_place.oracle_port(entering, what, runs[0])
    except SideError as error:  # the values do not fit after all
        swallowed(error)
        return set()
    there = [name for name in names if name in t64 and name in j64]
    t, j, t64, j64 = ({name: run[name] for name in there} for run in (*runs, t64, j64))
    judged = in_place.judge(t, j, t64, j64, sizes)
    return {name for name, judgement in judged.items() if judgement.verdict is Verdict.MATCH}


def _least(tables: Sequence[Replaced], closes: Callable[[Sequence[Replaced]], bool]) -> Sequence[Replaced]:
    """Of tables that close every gap together those without which one stays open."""
    for table in tables:
        fewer = [other for other in tables if other is not table]
        if fewer and closes(fewer):
            tables = fewer
    return tables
