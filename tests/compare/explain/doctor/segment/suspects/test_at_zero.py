"""Derivatives at zero that torch sets to zero and a formula makes NaN."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import torch
from torch import nn
from torch.nn import functional as F

from compare.explain.doctor.segment.suspects.at_zero import AT_ZERO
from tests.compare.explain.doctor.scenes import drawn, holds, scene_of, sound

X = drawn(4, 5) * np.array([[1.0], [0.0], [1.0], [1.0]])


class Of(nn.Module):
    def __init__(self, function):
        super().__init__()
        self.function = function

    def forward(self, x):
        return self.function(x)


def safe(squares):
    """A root whose derivative at zero is zero."""
    kept = jnp.where(squares > 0, squares, 1.0)
    return jnp.where(squares > 0, jnp.sqrt(kept), 0.0)


def normalized(root):
    return lambda x: x / jnp.maximum(root((x**2).sum(-1, keepdims=True)), 1e-12)


NAMES = {
    "norm": (lambda x: x.norm(dim=-1), lambda root: lambda x: root((x**2).sum(-1))),
    "vector_norm": (lambda x: torch.linalg.vector_norm(x, dim=-1), lambda root: lambda x: root((x**2).sum(-1))),
    "std": (lambda x: x.std(-1), lambda root: lambda x: root(x.var(-1, ddof=1))),
    "normalize": (lambda x: F.normalize(x, dim=-1), normalized),
}


@pytest.mark.parametrize(("own", "port"), NAMES.values(), ids=NAMES)
def test_the_gradient_of_a_row_of_zeros(own, port):
    """Finite in the reference, NaN in the port, whose outputs are the same."""
    sound(scene_of(Of(own), [X], lambda p, x: port(safe)(x), direction="backward"))
    faulty = scene_of(Of(own), [X], lambda p, x: port(jnp.sqrt)(x), direction="backward")
    assert np.isnan(faulty.port["grad/input.0"]).any()
    holds(faulty, "gradient at zero", "NaN")


@pytest.mark.parametrize("name", AT_ZERO)
def test_the_formula_is_the_function(name):
    """Of what it is given, with and without an axis."""
    x = torch.from_numpy(drawn(4, 5))
    function = {"norm": torch.norm, "std": torch.std, "normalize": F.normalize}.get(name, torch.linalg.vector_norm)
    options = [{"dim": 1, "eps": 1e-12}] if name == "normalize" else [{}, {"dim": 1}, {"dim": 0, "keepdim": True}]
    for given in options:
        torch.testing.assert_close(AT_ZERO[name]({"input": x, **given}), function(x, **given))
    assert jax.config.jax_enable_x64 is False
