"""The numbers of a scene that could be others: each once, and those that several calls share together."""

import jax.numpy as jnp
import numpy as np
import torch
import torch.nn.functional as F
from torch import nn

from compare.explain.doctor.segment.suspects.numbers import tunables
from tests.compare.explain.doctor.scenes import drawn, scene_of


class Twice(nn.Module):
    """Two norms with one epsilon, a slope and a scale."""

    def forward(self, x):
        x = F.leaky_relu(F.layer_norm(x, (6,), eps=1e-5), 0.2)
        return F.layer_norm(torch.tanh(x * 0.5), (6,), eps=1e-5)


def made():
    return scene_of(Twice(), [drawn(4, 6)], lambda p, x: jnp.tanh(x))


def test_every_number_is_found_and_a_shared_one_together_and_apart():
    """The epsilon of both norms at once, without a place, and that of each, with its own."""
    found = [(one.setting, one.own, bool(one.place)) for one in tunables(made())]
    assert found.count(("epsilon", 1e-5, False)) == 1
    assert found.count(("epsilon", 1e-5, True)) == 2
    assert ("negative_slope", 0.2, True) in found
    assert any(own == 0.5 for _, own, _ in found)


def test_a_number_changed_is_the_reference_with_that_number():
    """A slope of 0.3 in the call that had 0.2."""
    scene = made()
    slope = next(one for one in tunables(scene) if one.setting == "negative_slope")
    x = torch.from_numpy(drawn(4, 6))
    inner = F.leaky_relu(F.layer_norm(x, (6,), eps=1e-5), 0.3)
    wanted = F.layer_norm(torch.tanh(inner * 0.5), (6,), eps=1e-5)
    np.testing.assert_allclose(scene.run(slope.change(0.3))["value"], wanted.numpy(), rtol=1e-12)
    np.testing.assert_allclose(scene.run(slope.change(slope.own))["value"], scene.plain["value"], rtol=1e-12)
