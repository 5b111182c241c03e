"""Pairs whose models agree and whose optimizers do not, brought to the doctor of training."""

from typing import Any

import jax
import jax.numpy as jnp
import optax
import torch

from compare.explain.doctor.diagnosis import Diagnosis
from compare.explain.doctor.updates.led import Retraining, led_along
from compare.explain.doctor.updates.updates import diagnose_updates
from compare.frameworks.devices import Device
from compare.pair.pair import Entering, Pair
from compare.pair.prepare import prepare
from compare.sides.judging import Judged, judge_port, reference_runs
from compare.sides.quartet import Quartet
from compare.sides.side import STEPS
from compare.verdict.precision import FLOAT32
from tests.compare.small import dense_pair

O = torch.optim  # noqa: E741  # as torch's own code calls it


def made(kind: Any, **settings: Any) -> Any:
    """How a pair wants a torch optimizer: as a function of the parameters."""
    return lambda parameters: kind(parameters, **settings)


def hidden(transformation: Any) -> optax.GradientTransformation:
    """The same transformation behind functions of a stranger, so that it cannot be read."""
    return optax.GradientTransformation(lambda p: transformation.init(p), lambda *given: transformation.update(*given))


def matrices(tree: Any) -> Any:
    """A mask of everything of two axes and more."""
    return jax.tree.map(lambda leaf: jnp.ndim(leaf) > 1, tree)


def stepped(cpu: Device, pair: Pair, steps: int = 3) -> tuple[Quartet, Entering, Judged]:
    """The pair's training steps, judged."""
    quartet = Quartet(prepare(pair), FLOAT32, cpu, cpu)
    entering = quartet.prepared.enter(0, steps).at(FLOAT32)
    return quartet, entering, judge_port(quartet, entering, STEPS, *reference_runs(quartet, entering, STEPS))


def diagnosed(cpu: Device, reference: Any, port: Any, steps: int = 3) -> Diagnosis:
    """The diagnosis on two dense layers trained by these two optimizers."""
    return diagnose_updates(*stepped(cpu, dense_pair(optimizers=(reference, port)), steps))


def tried(cpu: Device, reference: Any, port: Any, steps: int = 3) -> Retraining:
    """The port's steps on record, and the reference led along them."""
    quartet, entering, judged = stepped(cpu, dense_pair(optimizers=(reference, port)), steps)
    return led_along(quartet, entering, judged.judgements)
