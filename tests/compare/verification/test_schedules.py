"""Schedules beyond the steps that were run: one that jumps there, one that ends there, one that cannot be read."""

import numpy as np
import optax
import pytest

from compare.pair.prepare import prepare
from compare.sides.quartet import Quartet
from compare.sides.reference_rule import Ahead
from compare.verdict.precision import FLOAT32
from compare.verdict.verdict import Verdict
from compare.verification.schedules import Beyond, compare_schedules
from tests.compare.small import dense_pair

USERS_MODELS = True
NAMES = ("fc.weight", "fc.bias", "head.weight", "head.bias")


def compared(cpu, schedule, port, steps: int = 600, scheduled: bool = True) -> Beyond:
    """After one hundred steps."""
    quartet = Quartet(prepare(dense_pair()), FLOAT32, cpu, cpu)
    rates = np.repeat([[schedule(step)] for step in range(steps)], 4, axis=1)
    return compare_schedules(quartet, port, Ahead(rates, scheduled, True), NAMES, NAMES, 100)


def jump(step: int) -> float:
    return 0.1 if step < 300 else 0.01


def cosine(step: int) -> float:
    return 0.05 * (1 + np.cos(np.pi * step / 250))


@pytest.mark.parametrize(
    ("schedule", "port", "stop"),
    [
        (jump, optax.sgd(optax.piecewise_constant_schedule(0.1, {300: 0.1})), 600),
        (cosine, optax.adam(optax.cosine_decay_schedule(0.1, 250)), 251),  # from there on the reference's rises again
    ],
)
def test_the_same_schedule_is_a_match(schedule, port, stop, cpu):
    seen = compared(cpu, schedule, port)
    assert seen.judgement is not None
    assert (seen.steps, seen.judgement.verdict, seen.not_seen) == (stop, Verdict.MATCH, ())


@pytest.mark.parametrize(
    ("port", "first"),
    [
        (optax.piecewise_constant_schedule(0.1, {301: 0.1}), 301),
        (optax.piecewise_constant_schedule(0.1, {300: 0.1000001}), 301),
        (0.1, 301),
    ],
)
def test_another_schedule_is_a_mismatch(port, first, cpu):
    """With the first step that differs; one that is not there at all is one."""
    seen = compared(cpu, jump, optax.sgd(port))
    assert seen.judgement is not None
    assert seen.judgement.verdict is Verdict.MISMATCH
    assert seen.judgement.reason == f"the schedules differ from step {first} on"


def test_rates_that_are_not_the_steps_say_nothing(cpu):
    """Half the rate and twice the gradient are the same updates, which matched: what is read is not compared."""
    doubled = optax.chain(optax.scale(2.0), optax.sgd(optax.piecewise_constant_schedule(0.05, {300: 0.1})))
    assert compared(cpu, jump, doubled).judgement is not None  # both factors are read
    own = optax.GradientTransformation(lambda p: (), lambda g, s, p=None: (g, s))
    seen = compared(cpu, jump, optax.chain(own, optax.sgd(0.2)))
    assert seen.judgement is None
    assert seen.not_seen == ("a schedule beyond step 100, since the port's could not be read",)


def test_without_any_schedule_there_is_nothing_beyond(cpu):
    assert compared(cpu, lambda step: 0.1, optax.sgd(0.1), scheduled=False) == Beyond()
