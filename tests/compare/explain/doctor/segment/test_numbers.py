"""The numbers of a scene that could be others: each once, and those that several calls share together."""

import jax.numpy as jnp
import numpy as np
import torch
import torch.nn.functional as F
from torch import nn

from compare.explain.doctor.fit import Fitted
from compare.explain.doctor.segment.numbers import numbers
from tests.compare.explain.doctor.scenes import drawn, scene_of


class Twice(nn.Module):
    """Two norms with one epsilon, a slope and a scale."""

    def forward(self, x):
        x = F.leaky_relu(F.layer_norm(x, (6,), eps=1e-5), 0.2)
        return F.layer_norm(torch.tanh(x * 0.5), (6,), eps=1e-5)


def made():
    return scene_of(Twice(), [drawn(4, 6)], lambda p, x: jnp.tanh(x))


def named(scene):
    """Setting and place of every number, by what is said of it with another value."""
    return [(one.suspect(Fitted(0.3, 0.3, 0.3)), one) for one in numbers(scene)]


def test_every_number_is_found_and_a_shared_one_together_and_apart():
    """The epsilon of both norms at once, without a place, and that of each, with its own."""
    found = [(said.setting, one.own, "test_numbers.py" in said.text) for said, one in named(made())]
    assert found.count(("epsilon", 1e-5, False)) == 1
    assert found.count(("epsilon", 1e-5, True)) == 2
    assert ("negative_slope", 0.2, True) in found
    assert any(own == 0.5 for _, own, _ in found)


def test_in_a_loop_each_place_of_a_round_has_its_number():
    """Of a factor twice in each of three rounds: all of them, the first of each round, the second, each alone."""

    class Rounds(torch.nn.Module):
        def forward(self, x):
            for _ in range(3):
                x = torch.tanh(x * 0.5 + torch.sin(x) * 0.5)
            return x

    scene = scene_of(Rounds(), [drawn(4, 6)], lambda p, x: x)
    factors = [(one.alone, said.text) for said, one in named(scene) if one.own == 0.5]
    assert [alone for alone, _ in factors].count(True) == 6
    shared = [text for alone, text in factors if not alone]
    assert sum("call 1 of every 2" in text for text in shared) == 1
    assert sum("call 2 of every 2" in text for text in shared) == 1


def test_a_number_changed_is_the_reference_with_that_number():
    """A slope of 0.3 in the call that had 0.2."""
    scene = made()
    slope = next(one for said, one in named(scene) if said.setting == "negative_slope")
    x = torch.from_numpy(drawn(4, 6))
    inner = F.leaky_relu(F.layer_norm(x, (6,), eps=1e-5), 0.3)
    wanted = F.layer_norm(torch.tanh(inner * 0.5), (6,), eps=1e-5)
    np.testing.assert_allclose(scene.run(slope.change(0.3))["value"], wanted.numpy(), rtol=1e-12)
    np.testing.assert_allclose(scene.run(slope.change(slope.own))["value"], scene.plain["value"], rtol=1e-12)


def test_numbers_between_which_nothing_changes_are_said():
    """Where a step function was searched by halves."""
    one = next(one for said, one in named(made()) if said.setting == "negative_slope")
    assert "is 0.3 in the port (or any between 0.25 and 0.4), 0.2" in one.suspect(Fitted(0.3, 0.25, 0.4)).text


def test_what_is_a_multiple_in_every_entry_is_fitted_last():
    """A factor of all that is made, at the line of the last call; only where the arrays are multiples."""
    scene = scene_of(Twice(), [drawn(4, 6)], lambda p, x: x)
    *_, last = numbers(scene, 4.0)
    said = last.suspect(Fitted(4.0, 4.0, 4.0))
    assert said.text.startswith("scale of the result is 4 in the port, 1 in the reference")
    np.testing.assert_allclose(scene.run(last.change(4.0))["value"], 4 * scene.plain["value"], rtol=1e-12)
    assert len(list(numbers(scene))) == len(list(numbers(scene, 4.0))) - 1


def test_a_scale_says_of_what():
    """A factor, a divisor, either term of a sum, a result, a parameter."""

    class Scales(nn.Module):
        def __init__(self):
            super().__init__()
            self.layer = nn.Linear(6, 6).double()

        def forward(self, x):
            return torch.add(self.layer(x) * 0.25 / 3.0, x, alpha=2)

    scene = scene_of(Scales(), [drawn(4, 6)], lambda p, x: x)
    words = {said.text.partition(" is ")[0] for said, _ in named(scene) if said.setting == "scale"}
    assert words == {
        "scale (a factor)",
        "scale (a divisor)",
        "scale of the first term of a sum",
        "scale of the second term of a sum",
        "scale of the result of linear",
        "scale of the result of add",
        "scale of layer.weight",
        "scale of layer.bias",
    }
