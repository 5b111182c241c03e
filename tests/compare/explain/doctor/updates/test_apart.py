"""The doctor on steps that were made apart from a model: a setting that acts late is read and tried."""

from dataclasses import replace

import numpy as np
import optax
import torch

from compare.explain.doctor.updates.apart import StepsApart, diagnose_apart
from compare.explain.doctor.updates.recorded_steps import by_quantity
from compare.pair.pair import Optimizers
from compare.pair.prepare import prepare
from compare.sides.quartet import Quartet
from compare.verdict.precision import FLOAT32
from tests.compare.small import dense_pair

USERS_MODELS = True
NAMES = ("fc.weight", "fc.bias", "head.weight", "head.bias")


def clipped(parameters: list) -> torch.optim.Optimizer:
    optimizer = torch.optim.SGD(parameters, 0.5)

    def before(*_: object) -> None:
        torch.nn.utils.clip_grad_norm_(parameters, 100.0)

    optimizer.register_step_pre_hook(before)
    return optimizer


def steps_of(rate: float, sizes: tuple[float, ...], seed: int = 0) -> StepsApart:
    """Plain descent, without any clip."""
    rng = np.random.default_rng(seed)
    shapes = {"fc.weight": (5, 4), "fc.bias": (5,), "head.weight": (3, 5), "head.bias": (3,)}
    gradients = []
    for size in sizes:
        made = {name: rng.standard_normal(shape) for name, shape in shapes.items()}
        norm = float(np.sqrt(sum(np.sum(one**2) for one in made.values())))
        gradients.append({name: one * size / norm for name, one in made.items()})
    updates = tuple({name: -rate * one for name, one in step.items()} for step in gradients)
    before = tuple({name: np.zeros(shape) for name, shape in shapes.items()} for _ in sizes)
    allowed = tuple({name: 1e-9 * float(np.linalg.norm(one)) for name, one in step.items()} for step in updates)
    differing = [name for name in by_quantity(updates) if name.startswith("step3/")]
    return StepsApart(before, tuple(gradients), updates, allowed, differing)


def test_a_clip_that_acts_in_one_step_alone_is_named(cpu):
    """Read of the reference's steps, tried on the port's, and the step is told."""
    pair = dense_pair(optimizers=Optimizers(clipped, lambda: optax.sgd(0.5)))
    quartet = Quartet(prepare(pair), FLOAT32, cpu, cpu)
    entering = quartet.prepared.enter(0, 1)
    sizes = (1.0, 2.0, 300.0, 1.0)
    found = diagnose_apart(quartet, entering, steps_of(0.5, sizes), lambda: steps_of(0.5, sizes, 1))
    assert [(one.setting, one.reference, one.port, one.certain) for one in found.causes] == [
        ("gradient clipping by global norm", "100", "none", True)
    ]
    assert "the first 2 of 4 steps agree: what the optimizer keeps differs, or a schedule" in found.observed


def test_what_does_not_close_the_gap_of_other_steps_is_not_certain(cpu):
    """A rate that fits one draw and not the other."""
    pair = dense_pair(optimizers=Optimizers(lambda given: torch.optim.SGD(given, 0.5), lambda: optax.sgd(0.4)))
    quartet = Quartet(prepare(pair), FLOAT32, cpu, cpu)
    entering, sizes = quartet.prepared.enter(0, 1), (1.0, 2.0, 3.0)
    for rate, certain in ((0.4, True), (0.3, False)):
        steps = replace(steps_of(0.4, sizes), differing=[*by_quantity(steps_of(0.4, sizes).updates)])
        found = diagnose_apart(quartet, entering, steps, lambda rate=rate: steps_of(rate, sizes, 1))
        assert any(one.certain and one.port == "0.4" for one in found.causes) == certain
