"""The port's steps on record: an optimizer led through them, and its distance from the port."""

from dataclasses import replace
from math import inf

import numpy as np
import pytest
import torch

from compare.explain.doctor.gaps import gap_of
from compare.explain.doctor.updates.optimizer import RuleOptimizer
from compare.explain.doctor.updates.recorded_steps import Replay, by_quantity
from compare.explain.doctor.updates.rules import OWN, usual

RNG = np.random.default_rng(0)
SHAPES = {"a": (2, 3), "b": (3,), "idle": (2,)}
SGD = usual("SGD", rates=(0.1,), momentum=0.9)
RULES = (SGD, usual("Adam", rates=(0.1,), beta1=0.9, beta2=0.999, epsilon=1e-8), SGD)


def record(rules=RULES, steps=3):
    """Steps that these rules have made, each from parameters of its own."""
    gradients = [{n: RNG.standard_normal(s) for n, s in SHAPES.items() if n != "idle"} for _ in range(steps)]
    empty = Replay(
        names=tuple(SHAPES),
        trained=frozenset(SHAPES),
        before=tuple({n: RNG.standard_normal(s) for n, s in SHAPES.items()} for _ in range(steps)),
        gradients=tuple(one | {"idle": None} for one in gradients),
        updates=({},) * steps,
        norms=(1.0,) * steps,
        allowed=(dict.fromkeys(SHAPES, 1e-12),) * steps,
        ranks=tuple(map(len, SHAPES.values())),
    )
    return replace(empty, updates=tuple(empty.by(rules)))


def gap(replay, made):
    """How far updates are from the port's."""
    port = by_quantity(replay.updates)
    return gap_of(by_quantity(made), port, by_quantity(replay.allowed), list(port))


def test_its_own_rules_close_the_gap_and_others_do_not():
    """The worst relative gap, and whether every quantity is within what is allowed."""
    replay = record()
    assert gap(replay, replay.by(RULES)).closed
    other = gap(replay, replay.by((RULES[0].but(rates=(0.2,)), *RULES[1:])))
    assert not other.closed
    assert other.worst == pytest.approx(0.5)
    assert np.linalg.norm(replay.residual(replay.by(RULES))) == 0


def test_parameters_of_one_rule_go_through_it_as_one():
    """The same as each by itself, and in its own shape."""
    rules = (RULES[0],) * 3
    replay = record(rules)
    one_by_one, read = replay.of(lambda given: RuleOptimizer(given, rules))
    for together, alone in zip(replay.by(rules), one_by_one, strict=True):
        for name, shape in SHAPES.items():
            assert together[name].shape == shape
            np.testing.assert_allclose(together[name], alone[name], rtol=1e-14, atol=1e-16)
    assert {rule.family for step in read for rule in step} == {OWN}


def test_an_unused_parameter_stays_unused():
    """No gradient is made up for it."""
    replay = record()
    assert replay.unused
    assert not any(step["idle"].any() for step in replay.updates)
    assert not replace(replay, trained=frozenset("ab")).unused


def test_rates_are_read_as_they_stand_before_each_step():
    """Of an optimizer with a schedule on its steps."""

    def factory(parameters):
        optimizer = torch.optim.SGD(parameters, lr=0.4)
        halved = torch.optim.lr_scheduler.ExponentialLR(optimizer, 0.5)
        optimizer.register_step_post_hook(lambda *_: halved.step())
        return optimizer

    made, rules = record().of(factory)
    assert [[rule.rates for rule in step] for step in rules] == [[(0.4,)] * 3, [(0.2,)] * 3, [(0.1,)] * 3]
    assert len(made) == 3


def test_what_is_no_number_is_no_match():
    """It is infinitely far, and never closed."""
    replay = record()
    made = replay.by(RULES)
    made[1]["a"] = made[1]["a"] * np.nan
    lost = gap(replay, made)
    assert not lost.closed
    assert lost.worst == inf
