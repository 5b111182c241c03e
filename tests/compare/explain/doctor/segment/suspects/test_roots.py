"""An epsilon inside or outside of a root, and the median of an even count."""

import jax.numpy as jnp
import numpy as np
import pytest
import torch
from torch import nn

from tests.compare.explain.doctor.scenes import drawn, holds, scene_of, sound

X = drawn(4, 6)


class Of(nn.Module):
    def __init__(self, function):
        super().__init__()
        self.function = function

    def forward(self, x):
        return self.function(x)


def of(function, port):
    return scene_of(Of(function), [X], lambda p, x: port(x))


ROOTS = {
    "sqrt": (lambda x: x / torch.sqrt(x.var(-1, keepdim=True) + 1e-3), "inside",
             lambda x, e: x / jnp.sqrt(x.var(-1, keepdims=True, ddof=1) + e),
             lambda x, e: x / (jnp.sqrt(x.var(-1, keepdims=True, ddof=1)) + e)),
    "rsqrt": (lambda x: x * torch.rsqrt(x.pow(2).mean(-1, keepdim=True) + 1e-3), "inside",
              lambda x, e: x / jnp.sqrt((x**2).mean(-1, keepdims=True) + e),
              lambda x, e: x / (jnp.sqrt((x**2).mean(-1, keepdims=True)) + e)),
    "std": (lambda x: x / (x.std(-1, keepdim=True) + 1e-3), "outside",
            lambda x, e: x / (x.std(-1, keepdims=True, ddof=1) + e),
            lambda x, e: x / jnp.sqrt(x.var(-1, keepdims=True, ddof=1) + e)),
}  # fmt: skip


@pytest.mark.parametrize(("own", "place", "right", "wrong"), ROOTS.values(), ids=ROOTS)
def test_where_an_epsilon_stands(own, place, right, wrong):
    """In the user's own arithmetic, as in a norm by hand."""
    sound(of(own, lambda x: right(x, 1e-3)))
    other = "outside of it" if place == "inside" else "inside it"
    holds(of(own, lambda x: wrong(x, 1e-3)), "epsilon", other)


@pytest.mark.parametrize("axis", [None, 0, 1])
def test_the_median_of_an_even_count(axis):
    """Torch takes the lower of two, NumPy and JAX the mean of both."""

    def median(x):
        return x.median() if axis is None else x.median(axis).values

    ordered = np.sort(X, axis)
    lower = ordered[11] if axis is None else np.take(ordered, (X.shape[axis] - 1) // 2, axis)
    sound(of(median, lambda x: lower))
    holds(of(median, lambda x: jnp.median(x, axis)), "median", "the mean of both")
