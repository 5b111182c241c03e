"""An exception inside a model is told with the layer that raised it."""

import equinox as eqx
import flax.linen as linen
import jax
import jax.numpy as jnp
import numpy as np
import pytest
import torch
from flax import nnx

from compare.api import verify
from compare.errors import UsageError
from compare.frameworks.blame import described, layer_of

USERS_MODELS = True
X = np.ones((2, 3), np.float32)


class Inner(torch.nn.Module):
    def forward(self, x):
        raise ValueError("no\nway")


class Outer(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.blocks = torch.nn.ModuleList([torch.nn.Identity(), Inner()])

    def forward(self, x):
        for block in self.blocks:
            x = block(x)
        return x


class LinenInner(linen.Module):
    @linen.compact
    def __call__(self, x):
        raise ValueError("no way")


class LinenOuter(linen.Module):
    @linen.compact
    def __call__(self, x):
        return LinenInner(name="second")(linen.Dense(3, name="first")(x))


class NNXInner(nnx.Module):
    def __call__(self, x):
        raise ValueError("no way")


class NNXOuter(nnx.Module):
    def __init__(self):
        self.second = NNXInner()

    def __call__(self, x):
        return self.second(x)


class EquinoxInner(eqx.Module):
    def __call__(self, x):
        raise ValueError("no way")


class EquinoxOuter(eqx.Module):
    second: list[EquinoxInner]

    def __call__(self, x):
        return jax.vmap(self.second[0])(x)


@pytest.mark.parametrize(
    ("run", "path"),
    [
        (lambda: Outer()(torch.ones(2, 3)), "blocks.1"),
        (lambda: LinenOuter().init(jax.random.key(0), jnp.ones((2, 3))), "second"),
        (lambda: NNXOuter()(jnp.ones((2, 3))), "second"),
        (lambda: EquinoxOuter([EquinoxInner()])(jnp.ones((2, 3))), "second/0"),
        (lambda: int("x"), ""),
    ],
    ids=["torch", "linen", "nnx", "equinox", "none"],
)
def test_the_innermost_layer_is_named(run, path):
    with pytest.raises(ValueError) as caught:  # noqa: PT011  # whatever is raised
        run()
    assert layer_of(caught.value) == path
    assert "\n" not in described(caught.value)


def test_a_report_that_cannot_start_names_side_and_layer():
    class Sound(linen.Module):
        @linen.compact
        def __call__(self, x):
            return x

    with pytest.raises(UsageError, match=r"reference.*ValueError in blocks\.1: no way"):
        verify(Outer(), Sound(), X, device="cpu")
    with pytest.raises(UsageError, match=r"port.*ValueError in second: no way"):
        verify(torch.nn.Linear(3, 3), LinenOuter(), X, device="cpu")
