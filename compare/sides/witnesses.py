"""``float32_only`` needs a witness: a constant held in float32, named, and responsible for the gap.

Responsible means: with the other side's more exact values in its place, every quantity in question is a match.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np

from compare.errors import swallowed
from compare.frameworks.islands.constants import Constant, shortest
from compare.frameworks.models.modes import Mode
from compare.pair.pair import Entering
from compare.sides.context import Oracles, Witness
from compare.sides.quartet import Quartet
from compare.sides.side import Result, Run, SideError, What
from compare.verdict.precision import FLOAT64
from compare.verdict.verdict import Verdict

NONE = "agrees to float32, and no constant held in float32 explains the rest"


def find_witness(
    quartet: Quartet,
    entering: Entering,
    mode: Mode,
    names: Sequence[str],
    runs: tuple[Result, Result],
    sizes: Mapping[str, float],
) -> Witness | None:
    """The witness of a gap of float32's size on these quantities; None where there is none.

    Args:
        runs: both sides' at the working precision.
        sizes: what each quantity's size counts as at least.
    """
    promoted = quartet.using(Oracles(quartet.oracle, promoted=True))
    try:
        here, there = _held(promoted, entering, mode, runs[0])
    except Exception as error:  # a model that does not stand being looked into shows no constant
        swallowed(error)
        return None
    from_here = {constant.name: values for constant, values in here}
    from_there = tuple((constant.values, values) for constant, values in there)
    for reference, port in ((from_here, ()), ({}, from_there), (from_here, from_there)):
        parts = [f"{name} of the reference" for name in reference]
        parts += [_named(constant) for constant, _ in there] if port else []
        witness = Witness(f"held in float32: {', '.join(parts[:4])}", reference, port)
        tried = replace(promoted, witness=witness, sides={})  # what is compiled for it goes with it
        if parts and set(names) <= closed_by(tried, entering, mode, names, runs, sizes):
            return witness
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


def _held(
    promoted: Quartet, entering: Entering, mode: Mode, t: Result
) -> tuple[list[tuple[Constant, np.ndarray]], list[tuple[Constant, np.ndarray]]]:
    """The constants held in float32 on either side for which the other side has exact values, with these."""
    from compare.frameworks.islands.buffers import constants_torch
    from compare.frameworks.islands.exact import twins_jax
    from compare.frameworks.islands.witness import constants_jax
    from compare.sides.reference import ReferenceSide

    side = ReferenceSide(promoted.prepared, FLOAT64, promoted.oracle.torch, promoted=True)
    mapped = promoted.prepared.shapes
    held_here = [constant for constant in constants_torch(side.load(entering)) if constant.name not in mapped]
    with promoted.port_64.x64():
        function, args = promoted.port_64.program(entering, mode, t.dropped)
        held_there = constants_jax(function, *args)
        twins = twins_jax(function, [constant.values for constant in held_here], *args) if held_here else {}
    here = [(held_here[place], values) for place, values in twins.items()]
    return here, _exact(promoted, entering, mode, held_there)


def _exact(
    promoted: Quartet, entering: Entering, mode: Mode, held: Sequence[Constant]
) -> list[tuple[Constant, np.ndarray]]:
    """For each of the port's constants the reference's exact values, or the decimal that a scalar was typed as."""
    from compare.sides.reference import ReferenceSide

    exact = {constant.index: shortest(constant.values, constant.dtype) for constant in held if not constant.values.ndim}
    if tables := [constant for constant in held if constant.values.ndim]:
        sought = [constant.values for constant in tables]
        side = ReferenceSide(promoted.prepared, FLOAT64, promoted.oracle.torch, promoted=True, sought=sought)
        exact |= {tables[place].index: values for place, values in side.run(entering, mode).twins.items()}
    return [(constant, exact[constant.index]) for constant in held if constant.index in exact]


def _named(constant: Constant) -> str:
    value = f"{constant.values.item():.9g}" if not constant.values.ndim else f"an array {constant.shape}"
    return f"{value} of the port at {constant.place}"
