"""``float32_only`` needs a witness: a constant held in float32, named, and responsible for the gap.

Responsible means: with the other side's more exact values in its place, every quantity in question is a match.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from compare.frameworks.islands.constants import Constant, shortest
from compare.pair.pair import Entering
from compare.sides.quartet import Quartet, Run, What
from compare.verdict.precision import FLOAT64
from compare.verdict.verdict import Verdict

NONE = "agrees to float32, and no constant held in float32 explains the rest"


def find_witness(quartet: Quartet, entering: Entering, what: What, names: Sequence[str], t: Run, j: Run) -> str:
    """The witness of a gap of float32's size on these quantities, in words; empty where there is none.

    Args:
        t, j: the two runs at the working precision.
    """
    from compare.frameworks.islands.buffers import constants_torch
    from compare.frameworks.islands.twins import twins_jax
    from compare.frameworks.islands.witness import constants_jax

    mapped = quartet.prepared.shapes
    module = quartet.promoted_reference.load(entering)
    held_here = [one for one in constants_torch(module) if one.name not in mapped]
    with quartet.promoted_port.x64():
        function, args = quartet.promoted_port.program(entering, what, quartet.dropped())
        held_there = constants_jax(function, *args)
        exact_there = twins_jax(function, [one.values for one in held_here], *args) if held_here else {}
    replaced_here = {held_here[place].name: values for place, values in exact_there.items()}
    replaced_there = _exact(quartet, entering, what, held_there)
    for here, there in ((replaced_here, {}), ({}, replaced_there), (replaced_here, replaced_there)):
        if (here or there) and _closes(quartet, entering, what, names, (t, j), here, there):
            parts = [f"{one.name} of the reference" for one in held_here if one.name in here]
            parts += [_named(one) for one in held_there if one.index in there]
            return f"held in float32: {', '.join(parts[:4])}"
    return ""


def _exact(quartet: Quartet, entering: Entering, what: What, held: Sequence[Constant]) -> dict[int, np.ndarray]:
    """For each of the port's constants the reference's exact values, or the decimal that a scalar was typed as."""
    from compare.sides.reference import ReferenceSide

    tables = [one for one in held if one.values.ndim]
    found = {one.index: shortest(one.values, one.dtype) for one in held if not one.values.ndim}
    if tables:
        sought = [one.values for one in tables]
        side = ReferenceSide(quartet.prepared, FLOAT64, quartet.oracle.torch, promoted=True, sought=sought)
        side.run(entering, _mode(what))
        found |= {tables[place].index: values for place, values in side.twins.items()}
    return found


def _closes(
    quartet: Quartet,
    entering: Entering,
    what: What,
    names: Sequence[str],
    runs: tuple[Run, Run],
    here: Mapping[str, np.ndarray],
    there: Mapping[int, np.ndarray],
) -> bool:
    from compare.sides.port import PortSide
    from compare.sides.reference import ReferenceSide

    prepared, oracle, mode = quartet.prepared, quartet.oracle, _mode(what)
    reference = ReferenceSide(prepared, FLOAT64, oracle.torch, promoted=True, replaced=here)
    port = PortSide(prepared, FLOAT64, oracle.jax, promoted=True, replaced=there)
    try:
        t64, j64 = reference.run(entering, mode), port.run(entering, mode, quartet.dropped())
    except (ValueError, RuntimeError, TypeError):  # the replacement does not fit after all
        return False
    chosen: list[Any] = [{name: run[name] for name in names} for run in (*runs, t64, j64)]
    return all(one.verdict is Verdict.MATCH for one in quartet.judge(*chosen).values())


def _mode(what: What) -> bool | None:
    return what if isinstance(what, bool) else None


def _named(one: Constant) -> str:
    value = f"{one.values.item():.9g}" if not one.values.ndim else f"an array {one.shape}"
    return f"{value} of the port at {one.place}"
