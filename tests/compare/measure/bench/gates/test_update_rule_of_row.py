"""The rule, fed the row's own gradients."""

import numpy as np
import pytest
import torch

from compare.measure.bench.gates.observation import Point
from compare.measure.bench.gates.update_rule_of_row import update_rule
from compare.verdict.precision import FLOAT32
from tests.compare.measure.bench.gates.made_up import entering, observed

RNG = np.random.default_rng(0)
HYPER = {"lr": 0.01}


def adam(parameters, lr):
    return torch.optim.Adam(parameters, lr=lr, weight_decay=0.01)


def walked(rule, **hyper):
    """A row of five steps in float32 by ``rule``, with gradients drawn from N(0, 1)."""
    parameter = torch.nn.Parameter(torch.from_numpy(RNG.standard_normal((4, 3)).astype(np.float32)))
    optimizer, points = rule([parameter], **{**HYPER, **hyper}), []
    for number in range(5):
        before, gradient = parameter.detach().double().numpy().copy(), RNG.standard_normal((4, 3)).astype(np.float32)
        parameter.grad = torch.from_numpy(gradient)
        optimizer.step()
        after = parameter.detach().double().numpy().copy()
        points.append(Point(number, {"w": before}, {"w": gradient.astype(np.float64)}, {"w": after}))
    return observed(entering=entering(hyper=HYPER), points=tuple(points))


def said(row, frozen=()):
    eager = [{name: array * (1 + 1e-7) for name, array in point.gradients.items()} for point in row.points]
    return update_rule(row, adam, frozen, eager, FLOAT32)


def test_the_same_rule_passes():
    """Rounding of its float32 is allowed."""
    assert said(walked(adam)) == ""


@pytest.mark.parametrize(
    "rule",
    [
        lambda parameters, lr: torch.optim.Adam(parameters, lr=lr),
        lambda parameters, lr: adam(parameters, lr * 1.001),
        lambda parameters, lr: torch.optim.AdamW(parameters, lr=lr, weight_decay=0.01),
        lambda parameters, lr: torch.optim.SGD(parameters, lr=lr),
    ],
)
def test_another_rule_is_told(rule):
    """Of which parameter, in which step, by how much."""
    sentence = said(walked(rule))
    assert "expected w to move by" in sentence
    assert "rounding allows" in sentence


def test_a_state_that_is_lost_is_told_in_the_second_step():
    """The first step alone would not show it."""
    lost = walked(lambda parameters, lr: torch.optim.Adam(parameters, lr=lr, weight_decay=0.01, betas=(0.5, 0.5)))
    assert "in step 2" in said(lost)


def test_a_frozen_parameter_stays():
    """It has a gradient of zeros, and no decay."""
    row = walked(adam)
    assert "w to move by 0.0000e+00" in said(row, frozen=("w",))


def test_several_steps_in_a_call_have_no_gradient_each():
    """They are judged by where they go."""
    row = walked(lambda parameters, lr: torch.optim.SGD(parameters, lr=lr))
    several = observed(entering=row.entering, points=row.points, steps_per_call=8)
    assert said(several) == ""
