"""The numbers that can be estimated: each is set in the rules, and read back from updates."""

from dataclasses import replace

import optax
import pytest

from compare.explain.doctor.updates.reference_rules import rules_of_reference
from compare.explain.doctor.updates.rule_settings import differing
from compare.explain.doctor.updates.rules import AFTER, DECOUPLED, every_one, usual
from compare.explain.doctor.updates.unknowns import by_step, decaying, estimates, on_matrices, scaled, turned, unknowns
from compare.weights.twins import TWINS, settings_of
from tests.compare.explain.doctor.trained import O, made, tried

USERS_MODELS = True
RANKS = (2, 1)


@pytest.fixture(scope="module")
def trial(cpu_module):
    """Two dense layers, and a port with another rate and another momentum."""
    return tried(cpu_module, made(O.SGD, lr=0.1, momentum=0.9), optax.sgd(0.0321, 0.873))


@pytest.fixture(scope="module")
def cpu_module():
    from compare.frameworks import devices

    return devices.choose("cpu")


@pytest.mark.parametrize("family", TWINS)
def test_every_number_is_set(family, trial):
    """It changes the rules, and a start lies in its range."""
    rules = (usual(family, rates=(0.1,)).but(momentum=0.3, epsilon=1e-3, epsilon_root=1e-3),) * 4
    numbers = list(unknowns(trial, rules))
    assert len({one.label for one in numbers}) == len(numbers)
    for one in numbers:
        assert differing(rules, one.put(rules, 0.321)), one.label
        for start in one.starts:
            assert one.where.of_x(one.where.to_x(start)) == pytest.approx(start)


def test_a_decay_comes_with_its_coupling_and_its_parameters(trial):
    """After the rate, inside the gradient and decoupled, of every parameter and of matrices; no clip without norms."""
    rules = (usual("Adam"),) * 4
    still = replace(trial, replay=replace(trial.replay, norms=(0.0,)))
    put = {one.label: one.put(rules, 0.5) for one in unknowns(still, rules)}
    decoupled = put[f"weight_decay {DECOUPLED}, on matrices only"]
    assert [(one.weight_decay, one.coupling) for one in decoupled] == [(0.5, DECOUPLED), (0.0, DECOUPLED)] * 2
    assert put[f"weight_decay {AFTER}"][1].coupling == AFTER
    assert not any("clipping" in label for label in put)


def test_two_numbers_that_nobody_writes_are_fitted_together(trial):
    """The rate and the momentum, neither near the reference's; alone neither closes the gap."""
    rules = rules_of_reference(trial)
    rate, momentum = (one for one in unknowns(trial, rules) if one.label in ("learning rate", "momentum"))
    for alone in (rate, momentum):
        assert not any(trial.gap(one.change).closed for one in estimates(trial, rules, alone))
    (found, *_) = estimates(trial, rules, rate, momentum)
    assert trial.gap(found.change).closed
    assert (found.change[0].rates, found.change[0].get("momentum")) == ((0.0321,), 0.873)
    assert not found.against(rules).odd
    assert replace(found, change=every_one(found.change, momentum=0.87312345)).against(rules).odd


def test_a_rate_of_each_step_is_fitted(cpu):
    """Inside the momentum too, where each step's rate stays on what entered with it."""
    port = optax.chain(optax.scale_by_schedule(lambda step: -0.1 / (1 + step)), optax.trace(0.9))
    trial = tried(cpu, made(O.SGD, lr=0.1, momentum=0.9), port)
    rules = every_one(rules_of_reference(trial), rate_inside=1.0)
    (found, *_) = estimates(trial, rules, *by_step(trial))
    assert found.change[0].rates == pytest.approx((0.1, 0.05, 0.1 / 3), rel=1e-6)


def test_decays_are_moved_between_parameters():
    """On every parameter, on matrices; another value only where there is one already."""
    rules = (usual("SGD", weight_decay=0.1), usual("SGD"))
    assert [one.weight_decay for one in decaying(rules, 0.5)] == [0.5, 0.0]
    assert [one.weight_decay for one in decaying((usual("SGD"),) * 2, 0.5)] == [0.5, 0.5]
    assert [one.weight_decay for one in on_matrices(RANKS, (usual("SGD"),) * 2, 0.5)] == [0.5, 0.0]


def test_every_rate_of_a_schedule_is_scaled():
    """Each step's."""
    assert scaled((usual("SGD", rates=(0.1, 0.2)),), 2)[0].rates == (0.2, 0.4)


def test_a_setting_brings_what_it_needs_and_no_more():
    """A bias correction of an average of a momentum; of one that is there, its value stays."""
    debias = next(one for one in settings_of("SGD") if one.name == "debias")
    (rule,) = turned(debias, (usual("SGD"),), 1.0)
    assert [rule.get(name) for name in ("debias", "average", "momentum")] == [1, 1, 0.9]
    (rule,) = turned(debias, (usual("SGD", momentum=0.5),), 1.0)
    assert rule.get("momentum") == 0.5
