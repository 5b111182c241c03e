"""Every result of a JAX function rounded to 50 bits, in its loops, branches and rules too."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax import lax

from compare.frameworks.rounding.port import rounded_jax

USERS_MODELS = True
BITS = 50
X = np.random.default_rng(0).standard_normal((6, 4))


def held(array: jax.Array) -> bool:
    """Whether every entry has at most 50 bits."""
    return bool((np.asarray(array).view(np.int64) % 8 == 0).all())


def loop(x):
    """A sum that is carried."""
    return lax.scan(lambda carry, row: (carry + jnp.tanh(row), carry.sum()), jnp.zeros(4), x)


def search(x):
    return lax.while_loop(lambda y: y.sum() < 100, lambda y: y * y + 0.1, x)


def branch(x):
    return lax.cond(x[0, 0] > 0, jnp.sin, jnp.cos, x)


@jax.custom_vjp
def ruled(x):
    return jnp.exp(x) / 3


ruled.defvjp(lambda x: (jnp.exp(x) / 3, x), lambda x, g: (g * jnp.exp(x) / 3,))

FUNCTIONS = {
    "plain": lambda x: jnp.tanh(x @ x.T / 3),
    "scan": loop,
    "while": search,
    "cond": branch,
    "custom rule": ruled,
    "compiled": jax.jit(lambda x: jax.nn.gelu(x) / 3),
    "checkpoint": jax.checkpoint(lambda x: jnp.sin(jnp.sin(x))),
    "mapped": jax.vmap(lambda row: jax.nn.softmax(row)),
}


@pytest.mark.parametrize("name", FUNCTIONS)
@pytest.mark.parametrize("compiled", [False, True], ids=["as it is", "compiled"])
def test_all_that_a_function_makes_is_rounded(name, compiled):
    """It differs from float64 by what fifty bits do, no more, and holds no more."""
    with jax.enable_x64(True):
        function = FUNCTIONS[name]
        rounding = rounded_jax(function, BITS)
        for exact, made in zip(
            jax.tree.leaves(function(X)), jax.tree.leaves((jax.jit(rounding) if compiled else rounding)(X)), strict=True
        ):
            assert held(made)
            apart = float(jnp.linalg.norm(made - exact) / jnp.linalg.norm(exact))
            assert 2.0**-55 < apart < 2.0**-42


@pytest.mark.parametrize("name", ["plain", "scan", "cond", "custom rule", "compiled", "checkpoint"])
def test_gradients_are_rounded_too(name):
    """Of the whole value-and-gradient function, whose rules have been applied."""

    def total(x):
        return sum(jnp.sum(leaf) for leaf in jax.tree.leaves(FUNCTIONS[name](x)))

    with jax.enable_x64(True):
        exact, made = jax.grad(total)(X), rounded_jax(jax.grad(total), BITS)(X)
        assert held(made)
        assert 2.0**-55 < float(jnp.linalg.norm(made - exact) / jnp.linalg.norm(exact)) < 2.0**-42


def test_structure_integers_and_float32_stay():
    """Trees and keywords pass; what is no float64 is not rounded; complex128 is, part by part."""

    def function(tree, *, by):
        return {"int": tree["n"] * 3, "low": tree["x"].astype(jnp.float32) * 0.7, "complex": tree["x"] * by}

    with jax.enable_x64(True):
        tree = {"n": np.arange(3), "x": X}
        made, plain = rounded_jax(function, BITS)(tree, by=1j / 3), function(tree, by=1j / 3)
    np.testing.assert_array_equal(made["int"], plain["int"])
    np.testing.assert_array_equal(made["low"], plain["low"])
    assert made["complex"].dtype == np.complex128
    assert held(np.ascontiguousarray(made["complex"].imag))
    assert not held(np.ascontiguousarray(plain["complex"].imag))
