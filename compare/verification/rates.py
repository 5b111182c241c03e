"""Learning rates as functions of the step: where they change, where a schedule ends, and the port's, as it was read."""

from collections.abc import Sequence
from dataclasses import dataclass

import jax
import numpy as np
from jax import numpy as jnp

from compare.errors import swallowed
from compare.explain.doctor.updates.optax_rules import RATES, applied_to
from compare.frameworks.integers import float64
from compare.frameworks.islands.witness import replay_with
from compare.frameworks.optax_insides import Stage, UnreadError, stages_of
from compare.pair.prepared import Prepared
from compare.verdict.thresholds import RULE_SMOOTH


def changes(rates: np.ndarray | None) -> bool:
    """Whether any learning rate does, where they are known; shape (steps, parameters)."""
    return rates is not None and bool((rates != rates[:1]).any())


def milestones(rates: np.ndarray) -> tuple[int, ...]:
    """After how many steps a learning rate jumps, of one that stays as it is between; empty for any other.

    Args:
        rates: in each step, shape (steps, parameters).
    """
    jumps = np.flatnonzero((np.diff(rates, axis=0) != 0).any(1)) + 1
    isolated = len(jumps) > 0 and jumps[0] > 1 and bool((np.diff(jumps) > 1).all())
    return tuple(map(int, jumps)) if isolated else ()


def past_its_end(rates: np.ndarray) -> int | None:
    """The number of steps to where a schedule has come to its end and then goes on as its own mirror image; None where
    none does.

    A cosine that nobody stops rises again, and the same cosine of another library stays where it is: nobody trains on
    there. A restart jumps instead, and a triangle has a corner.
    """
    widest = rates[:, int(np.argmax(np.ptp(rates, axis=0)))] if rates.size else np.zeros(0)
    for end in range(2, len(widest) - 2):
        fallen = widest[: end + 1]
        if not (widest[end] < widest[end - 1] and widest[end] < widest[end + 1] and widest[end] <= fallen.min()):
            continue
        seen = min(end - int(np.argmax(fallen)), len(widest) - 1 - end)
        steps = np.arange(1, max(2, seen) + 1)
        back, on = widest[end - steps[steps <= end]], widest[end + steps]
        first, second = on[0] - widest[end], on[1] - widest[end]
        if np.allclose(back, on[: len(back)], rtol=1e-9, atol=1e-12 * fallen.max()) and second > RULE_SMOOTH * first:
            return end + 1
    return None


@dataclass(frozen=True)
class PortRates:
    """What multiplies the updates of each parameter of a port, by step, read of its optax transformation."""

    stages: tuple[tuple[Stage, frozenset[str]], ...]
    names: tuple[str, ...]

    def at(self, steps: np.ndarray, exact: bool) -> np.ndarray:
        """Their sizes, shape (steps, parameters), in float64 or, where not ``exact``, as float32 has them.

        Args:
            steps: from 0 on.
        """
        made = np.ones((len(steps), len(self.names)))
        for stage, to in self.stages:
            factors = _factors(stage, steps, exact)
            made *= np.where([name in to for name in self.names], factors[:, None], 1.0)
        return np.abs(made)


def port_rates(transformation: object, prepared: Prepared, names: Sequence[str]) -> PortRates | None:
    """The rates of ``transformation`` for the reference's parameters ``names``; None where it cannot be read."""
    try:
        stages = stages_of(transformation)
        if any(stage.name == "MultiSteps" for stage in stages):
            return None  # counts its own steps, one in several
        rates = [stage for stage in stages if stage.name in RATES]
        applied = [(stage, frozenset(applied_to(stage, prepared, names))) for stage in rates]
    except UnreadError:
        return None
    except Exception as error:
        swallowed(error)
        return None
    return PortRates(tuple(applied), tuple(names))


def is_scheduled(transformation: object) -> bool:
    """Whether anything in an optax transformation may change with the step: what cannot be read may."""
    try:
        stages = stages_of(transformation)
    except UnreadError:
        return True
    held = [value for stage in stages for value in stage.given.values()]
    return any("." in stage.name for stage in stages) or any(map(callable, held))


def _factors(stage: Stage, steps: np.ndarray, exact: bool) -> np.ndarray:
    if stage.name == "scale":
        return np.full(len(steps), float(np.asarray(stage.given["step_size"])))
    schedule = jax.vmap(stage.given["step_size_fn"])
    if exact:
        with float64(), jax.numpy_dtype_promotion("standard"):
            return np.asarray(jax.jit(replay_with(schedule, ()))(jnp.asarray(steps, jnp.int32)), np.float64)
    with jax.enable_x64(False), jax.numpy_dtype_promotion("standard"):
        return np.asarray(jax.jit(schedule)(jnp.asarray(steps, jnp.int32)), np.float64)
