"""The order in which suspects are tried."""

from functools import partial

import jax.numpy as jnp
import torch
from flax import linen
from torch import nn
from torch.nn import functional as F

from compare.explain.doctor.segment.layer_settings import settings_read
from compare.explain.doctor.segment.observed import Observed
from compare.explain.doctor.segment.suspected import suspects
from tests.compare.explain.doctor.scenes import drawn, holds, moved, scene_of, sound


class Two(nn.Module):
    def forward(self, x):
        return F.gelu(F.gelu(x)) * 2


def test_the_readable_comes_first():
    """A setting read on both sides, as an attribute, before anything that is guessed."""
    module, own = moved(nn.LayerNorm(4)), linen.LayerNorm(epsilon=1e-4)
    scene = scene_of(module, [drawn(3, 4)], lambda p, x: x, layer=own)
    found = suspects(scene, settings_read(module, own), Observed())
    assert (found[0].setting, found[0].port, found[0].read) == ("epsilon", "0.0001", True)
    assert found[0].change.attributes == {("", "eps"): 1e-4}
    assert [one.rank for one in found] == sorted(one.rank for one in found)


def test_calls_alike_are_suspected_together_and_then_each():
    """Three suspects of two calls, the place in the text of each alone."""
    scene = scene_of(Two(), [drawn(3, 4)], lambda p, x: x)
    tanh = [one for one in suspects(scene, (), Observed()) if one.words == "approximate tanh"]
    assert [len(one.change.calls) for one in tanh] == [2, 1, 1]
    assert ["test_suspected.py:" in one.text for one in tanh] == [False, True, True]


def test_a_gradient_has_suspects_of_its_own():
    """None of the forward pass, which agrees."""
    scene = scene_of(Two(), [drawn(3, 4)], lambda p, x: jnp.sin(x), direction="backward")
    assert {one.setting for one in suspects(scene, (), Observed())} == {"stop_gradient", "derivative"}


class Rounds(nn.Module):
    """Two steps a round, three rounds."""

    def forward(self, x):
        for _ in range(3):
            x = torch.sin(x) + torch.tanh(1.5 * torch.sin(2 * x))
        return x


def test_one_call_of_every_round_of_a_loop():
    """The second sine of each round is left out, the first is not."""

    def port(wrong, p, x):
        for _ in range(3):
            x = jnp.sin(x) + jnp.tanh(1.5 * (2 * x if wrong else jnp.sin(2 * x)))
        return x

    x = drawn(3, 4)
    sound(scene_of(Rounds(), [x], partial(port, False)))
    assert "call 2 of every 2" in holds(scene_of(Rounds(), [x], partial(port, True)), "call").causes[0].text
