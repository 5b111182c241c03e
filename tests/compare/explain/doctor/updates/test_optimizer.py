"""Rules at work where torch and optax have no counterpart; the others are held against both in the files of reading."""

import pytest
import torch

from compare.explain.doctor.updates.optimizer import RuleOptimizer
from compare.explain.doctor.updates.rules import OWN, usual

GRADIENTS = (3.0, 1.0, -2.0)


def walked(rule, gradients=GRADIENTS, own=None, norms=None):
    """The updates of one parameter of one entry that starts at 1."""
    parameter = torch.nn.Parameter(torch.ones(1, dtype=torch.float64))
    optimizer = RuleOptimizer([parameter], (rule,), own(parameter) if own else None, norms)
    made = []
    for gradient in gradients:
        optimizer.zero_grad()
        if gradient is not None:
            given = torch.tensor([gradient], dtype=torch.float64)
            parameter.grad = given if parameter.grad is None else parameter.grad + given
        before = parameter.item()
        optimizer.step()
        made.append(parameter.item() - before)
    return made


@pytest.mark.parametrize(
    ("settings", "expected"),
    [
        ({}, [-3, -1, 2]),
        ({"rates": (1.0, 0.5)}, [-3, -0.5, 1]),
        ({"gradient_scale": 2.0}, [-6, -2, 4]),
        ({"stale": True}, [-3, -4, -2]),
        ({"every": 2}, [0, -2, 0]),
        ({"every": 2, "averaged": False}, [0, -4, 0]),
        ({"clip_norm": 2.0}, [-2, -1, 2]),
        ({"clip_norm": 2.0, "clip_epsilon": 1.0}, [-1.5, -1, 4 / 3]),
        ({"clip_value": 1.5}, [-1.5, -1, 1.5]),
        ({"momentum": 0.5}, [-3, -2.5, 0.75]),
        ({"momentum": 0.5, "rates": (1.0, 0.5)}, [-3, -1.25, 0.375]),
        ({"momentum": 0.5, "rates": (1.0, 0.5), "rate_inside": True}, [-3, -2, 0]),
    ],
)
def test_a_rule_does_what_it_says(settings, expected):
    """By hand, three steps."""
    assert walked(usual("SGD", **settings)) == pytest.approx(expected)


def test_an_unused_parameter_is_left_alone_or_gets_a_zero():
    """With a decay the two differ."""
    rule = {"weight_decay": 0.5, "rates": (0.1,)}
    assert walked(usual("SGD", **rule), (None, None)) == [0, 0]
    assert walked(usual("SGD", skips_unused=False, **rule), (None,)) == pytest.approx([-0.05])


def test_the_epsilon_of_the_uncorrected_moment_is_larger_at_first():
    """On the first step by the root of 1 - beta2."""
    plain, hat = (
        walked(usual("Adam", beta1=0.9, beta2=0.999, epsilon=0.1, epsilon_hat=hat), (1.0,)) for hat in (False, True)
    )
    assert plain == pytest.approx([-1 / 1.1])
    assert hat == pytest.approx([-1 / (1 + 0.1 / 0.001**0.5)])


def test_a_given_norm_stands_for_gradients_that_are_not_there():
    """A part of the parameters is clipped as the whole was."""
    assert walked(usual("SGD", clip_norm=2.0), norms=(30.0, 1.0, 8.0)) == pytest.approx([-0.2, -1, 0.5])


def test_around_an_unknown_optimizer_rate_and_decay_are_changed():
    """Its steps come as they are, times the rate; the decay inside the gradient, or apart at its own learning rate."""

    def own(parameter):
        return torch.optim.SGD([parameter], lr=0.1)

    assert walked(usual(OWN), own=own) == pytest.approx([-0.3, -0.1, 0.2])
    assert walked(usual(OWN, rates=(2.0,)), own=own) == pytest.approx([-0.6, -0.2, 0.4])
    assert walked(usual(OWN, weight_decay=1.0), (3.0,), own) == pytest.approx([-0.4])
    assert walked(usual(OWN, weight_decay=1.0, coupling="decoupled"), (3.0,), own) == pytest.approx([-0.4])
