"""Complex parameters: torch's optimizers take each number as two real ones, optax's take it as it is.

Where an optimizer squares, takes a sign or a root, the two are different functions: torch's Adam keeps a second moment
for either part, optax's keeps that of the modulus. What the port's optimizer does to the parts alone tells whether that
is all.
"""

from typing import TYPE_CHECKING, Any

import jax
import numpy as np

from compare.errors import swallowed
from compare.explain.doctor.diagnosis import Cause
from compare.explain.doctor.gaps import gap_of
from compare.explain.doctor.updates.recorded_steps import Step, by_quantity

if TYPE_CHECKING:
    from compare.explain.doctor.updates.led import Retraining

SETTING, TWO, ONE = "complex numbers", "two real ones each", "one each, by its modulus"
TEXT = (
    "the reference's optimizer takes a complex number as two real ones, the port's as one, by its modulus "
    "(optax.contrib.split_real_and_imaginary makes it two)"
)


def taken_as_one(trial: "Retraining", port: Any, reference: list[Step]) -> Cause | None:
    """The cause that the port's optimizer does to complex numbers what it does to real ones with their modulus; None
    where that is not all, or no parameter is complex.

    Args:
        port: the optax transformation. reference: the updates that the reference's optimizer makes of the same.
    """
    if not trial.quartet.prepared.reference.complex_names:
        return None
    try:
        split = _updates_of_parts(trial, port)
    except Exception as error:  # a transformation that knows the parameters by their paths
        swallowed(error)
        return None
    allowed, names = by_quantity(trial.replay.allowed), list(by_quantity(trial.replay.updates))
    before = gap_of(by_quantity(reference), by_quantity(trial.replay.updates), allowed, names)
    after = gap_of(by_quantity(reference), by_quantity(split), allowed, names)
    if before.closed or not after.closed:
        return None
    return Cause(SETTING, TWO, ONE, TEXT, "counterfactual", before.worst, after.worst, None, certain=True)


def _updates_of_parts(trial: "Retraining", port: Any) -> list[Step]:
    """What the port's optimizer makes of the recorded gradients, each complex number two real ones."""
    replay = trial.replay
    names = list(replay.updates[0])
    with jax.enable_x64(True), jax.numpy_dtype_promotion("standard"):
        state = port.init({name: replay.before[0][name] for name in names})
        steps: list[Step] = []
        for before, recorded in zip(replay.before, replay.gradients, strict=True):
            gradients = {name: recorded[name] if recorded[name] is not None else 0 * before[name] for name in names}
            updates, state = port.update(gradients, state, {name: before[name] for name in names})
            steps.append({name: np.asarray(updates[name]) for name in names})
    return steps
