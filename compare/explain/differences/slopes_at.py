"""The gradients at kinks: where an elementwise function's slope jumps, what either side says there."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass

import numpy as np

from compare.explain.differences.outcome import Outcome
from compare.explain.differences.reference_code import cotangent
from compare.explain.differences.row_inputs import Given
from compare.explain.differences.thresholds import JUMP, STEP

POINTS = (0.0, 0.5, 1.0, 3.0, 6.0)  # what formulas of activations hold, beside the numbers of their signatures
Run = Callable[[Given], Outcome]


@dataclass(frozen=True)
class Kink:
    """One point, the slopes to its left and right, and those that torch, the port as written and the adapted give."""

    at: float
    left: float
    right: float
    reference: float
    port: float | None
    adapted: float | None


def kinks_of(run: Run, port: Run | None, adapted: Run | None, inputs: Given, numbers: Iterable[float]) -> list[Kink]:
    """The kinks of a function of one floating input that goes entry by entry, among the usual points and ``numbers``;
    none of any other function. ``port`` None: not written."""
    if len(inputs.arrays) != 1 or not inputs.moving:
        return []
    (name,) = inputs.moving
    wanted = sorted({sign * abs(x) + 0.0 for x in (*POINTS, *numbers) for sign in (1, -1)})
    points = np.array([at + step for at in wanted for step in (-STEP, 0.0, STEP)])
    if not _entrywise(run, name, points):
        return []
    own, *sides = (None if one is None else _slopes(one, name, points) for one in (run, port, adapted))
    if own is None:
        return []
    return [
        Kink(
            at,
            *(float(slope) + 0.0 for slope in (left, right, mid)),  # no negative zeros
            *(None if side is None else float(side[place, 1]) + 0.0 for side in sides),
        )
        for place, (at, (left, mid, right)) in enumerate(zip(wanted, own, strict=True))
        if not abs(left - right) <= JUMP and not np.isnan([left, mid, right]).all()
    ]


def _entrywise(run: Run, name: str, points: np.ndarray) -> bool:
    whole, part = run(_along(name, points)), run(_along(name, points[5:9]))
    if whole.raised or part.raised or [x.shape for x in whole.outputs] != [points.shape]:
        return False
    return bool(np.allclose(whole.outputs[0][5:9], part.outputs[0], rtol=1e-9, equal_nan=True))


def _slopes(run: Run, name: str, points: np.ndarray) -> np.ndarray | None:
    """At each point, and a step to its left and right."""
    found = run(_along(name, points))
    return None if found.raised else (found.gradients[name] / cotangent(0, points.shape)).reshape(-1, 3)


def _along(name: str, points: np.ndarray) -> Given:
    return Given({name: points}, (name,))
