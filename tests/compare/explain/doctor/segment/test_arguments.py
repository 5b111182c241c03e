"""What a signature lets a port do otherwise: each argument of a call that no family of suspects knows."""

import jax.numpy as jnp
import numpy as np
import pytest
import torch
from torch import nn
from torch.nn import functional as F

from compare.explain.calls.change import recorded
from compare.explain.doctor.segment.arguments import argument_words, ideas
from compare.explain.doctor.segment.ideas import View
from tests.compare.explain.doctor.scenes import drawn, holds, scene_of

X = drawn(4, 6)
IMAGE = drawn(2, 3, 6, 5)
GRID = np.clip(drawn(2, 4, 4, 2, seed=3), -1.2, 1.2)


class Calling(nn.Module):
    """One function."""

    def __init__(self, function):
        super().__init__()
        self.function = function

    def forward(self, *given):
        return self.function(*given)


def said(function, *given):
    """Setting and port's value of every idea about the one call."""
    module = Calling(function)
    with recorded(module) as calls:
        module(*(torch.from_numpy(one) for one in given))
    return {(idea.setting, idea.port) for idea in ideas(View(calls[0], None, {}))}


def test_flags_integers_words_axes_and_tensors():
    """Each other way, and the function's own defaults."""
    assert {("largest", "False"), ("k", "3"), ("k", "1"), ("axis", "0")} <= said(lambda x: x.topk(2), X)
    assert ("approximate", "tanh") in said(F.gelu, X)
    assert {("reduction", "sum")} <= said(lambda x: F.poisson_nll_loss(x, x), X)
    assert {("alpha", "1")} <= said(lambda x: F.elu(x, 0.5), X)
    assert ("weight", "none") in said(lambda x: F.mse_loss(x, x, weight=x), X)
    assert ("eps", "None") in said(lambda x: torch.logit(x, 0.1), X)
    assert {("stride", "(2, 1)"), ("stride", "2")} <= said(lambda x: F.unfold(x, 2, stride=(1, 1)), IMAGE)


def test_what_changes_no_value_is_not_tried():
    """Nor are shapes."""
    assert said(lambda x: F.relu(x, inplace=False), X) == set()
    assert said(lambda x: x.reshape(6, 4), X) == set()


def test_porters_words():
    """An epsilon where a norm has one, its own name elsewhere."""
    assert (argument_words("layer_norm", "eps"), argument_words("logit", "eps")) == ("epsilon", "eps")
    assert (argument_words("cumsum", "dim"), argument_words("lerp", "weight"), argument_words("dropout2d", "p")) == (
        "axis", "weight", "dropout rate",
    )  # fmt: skip


def difference(x, n):
    return jnp.diff(x, n=n, axis=1)


@pytest.mark.parametrize(
    ("function", "port", "setting", "value"),
    [
        (lambda x: torch.roll(x, 1, 1), lambda p, x: jnp.roll(x, 2, 1), "shifts", "2"),
        (lambda x: torch.roll(x, 1, 1), lambda p, x: jnp.roll(x, 1, 0), "axis", "0"),
        (lambda x: torch.diagonal(x, 1), lambda p, x: jnp.diagonal(x, 2), "offset", "2"),
        (lambda x: x.cumprod(1), lambda p, x: jnp.cumprod(x, 0), "axis", "0"),
        (lambda x: torch.sort(x, 1, descending=True).values, lambda p, x: jnp.sort(x, 1), "descending", "False"),
        (lambda x: torch.nan_to_num(x / (x > 0), nan=0.0, posinf=1.0, neginf=2.5),
         lambda p, x: jnp.where(x > 0, x, 3.5), "neginf", "3.5"),
        (lambda x: F.threshold(x, 0.1, 0.2), lambda p, x: jnp.where(x > 0.6, x, 0.2), "threshold", None),
        (lambda x: F.hardtanh(x, -0.7, 0.9), lambda p, x: jnp.clip(x, -0.7, 1.1), "max_val", "1.1"),
        (lambda x: x.clamp(-0.5, 0.5), lambda p, x: jnp.minimum(x, 0.5), "min", "None"),
        (lambda x: F.gumbel_softmax(x, hard=False) * 0 + F.softsign(x) ** 3, lambda p, x: (x / (1 + abs(x))) ** 2.0,
         "exponent", "2"),
    ],
)  # fmt: skip
def test_a_fault_is_named_by_the_argument(function, port, setting, value):
    """With the port's value."""
    holds(scene_of(Calling(function), [X], port), setting, value)


def test_a_word_of_a_function_without_a_family():
    """Border values for zeros, as the documentation of ``grid_sample`` offers."""

    def port(p, x, grid):
        sampled = F.grid_sample(torch.from_numpy(np.array(x)), torch.from_numpy(np.array(grid)), "bilinear", "border",
                                align_corners=False)  # fmt: skip
        return jnp.asarray(sampled.numpy())

    function = lambda x, grid: F.grid_sample(x, grid, align_corners=False)  # noqa: E731
    holds(scene_of(Calling(function), [IMAGE, GRID], port), "padding_mode", "border")
