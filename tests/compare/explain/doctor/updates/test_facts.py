"""What the updates say by themselves."""

import optax
import pytest

from compare.explain.doctor.updates.facts import facts
from compare.explain.doctor.updates.led import update_name
from compare.explain.doctor.updates.reference_rules import rules_of_reference
from tests.compare.explain.doctor.trained import O, made, matrices, tried

USERS_MODELS = True
SGD = made(O.SGD, lr=0.1, momentum=0.9)


def said(trial):
    """The facts of a trial, the quantities that differ found by their size."""
    gaps = zip(trial.updates_by(rules_of_reference(trial)), trial.replay.updates, strict=True)
    wrong = [
        update_name(step, name)
        for step, (made, port) in enumerate(gaps, start=1)
        for name in port
        if abs(made[name] - port[name]).max() > 1e-12
    ]
    return list(facts(trial, wrong, rules_of_reference(trial)))


@pytest.mark.parametrize(
    ("port", "expected"),
    [
        (optax.sgd(0.05, 0.9), "in the first step the port's update is 0.5 times the reference's in every entry"),
        (optax.sgd(0.1, 0.8), "the first step agrees: what the optimizer keeps differs, or a schedule"),
        (
            optax.chain(optax.add_decayed_weights(0.1, mask=matrices), optax.sgd(0.1, 0.9)),
            "the updates of matrices differ, those of vectors (biases, norms) agree",
        ),
        (
            optax.chain(optax.sgd(0.1, 0.9), optax.masked(optax.set_to_zero(), {"Dense_0": True, "Dense_1": False})),
            "the port does not update fc.weight, fc.bias",
        ),
        (
            optax.chain(optax.sgd(0.1, 0.9), optax.masked(optax.scale(2.0), {"Dense_0": True, "Dense_1": False})),
            "2 of 4 parameters are updated otherwise, first fc.weight",
        ),
        (optax.MultiSteps(optax.sgd(0.1, 0.9), 2), "the port updates nothing in step 1, 3"),
    ],
)
def test_a_fact_is_told(port, expected, cpu):
    """Which parameters, from which step on, and by what factor."""
    assert expected in said(tried(cpu, SGD, port))


def test_nothing_is_told_of_what_agrees(cpu):
    """Neither a step, nor a factor of 1."""
    assert said(tried(cpu, SGD, optax.sgd(0.1, 0.9))) == []
