"""A port that is a plain function: any pytree of parameters is flat leaves, in its own order."""

from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from compare.frameworks.models.functions import FunctionModel


class Layer(NamedTuple):
    """As hand-written JAX keeps its parameters."""

    weight: jax.Array
    bias: jax.Array


def ones(*shape: int) -> jax.Array:
    return jnp.ones(shape, jnp.float32)


TREES = {
    "flat": ({"w": ones(2), "a": ones(3)}, {"params/a": (3,), "params/w": (2,)}),
    "nested": ({"block": {"w": ones(2)}, "head": ones(1)}, {"params/block/w": (2,), "params/head": (1,)}),
    "list": ({"layers": [ones(1), ones(2)]}, {"params/layers/0": (1,), "params/layers/1": (2,)}),
    "named tuple": (
        [Layer(ones(3, 2), ones(3))],
        {"params/0/weight": (3, 2), "params/0/bias": (3,)},
    ),
    "one array": (ones(2, 2), {"params": (2, 2)}),
    "numbers": ({"scale": 2.0}, {"params/scale": ()}),
    "nothing beside": ({"w": ones(1), "b": None}, {"params/w": (1,)}),
}


@pytest.mark.parametrize(("params", "leaves"), TREES.values(), ids=TREES)
def test_any_tree_is_flat_leaves(params, leaves):
    """By path; and the function gets its own tree back, every array in its place."""
    got = []
    model = FunctionModel(lambda params, x: got.append(params) or x, params)
    assert {path: leaf.shape for path, leaf in model.leaves.items()} == leaves
    numbered = {path: jnp.full(shape, i, jnp.float32) for i, (path, shape) in enumerate(leaves.items())}
    model.apply(numbered, (1,), {}, None)
    assert jax.tree.structure(got[0]) == jax.tree.structure(params)
    back = model.flat(got[0])
    for path, array in numbered.items():
        np.testing.assert_array_equal(back[path], array)


def test_the_users_parameters_are_not_touched():
    """Only shapes are kept of them."""
    own = {"w": np.ones(2)}
    FunctionModel(lambda params, x: x, own).apply({"params/w": jnp.zeros(2)}, (1,), {}, None)
    np.testing.assert_array_equal(own["w"], np.ones(2))


def test_a_function_is_told_its_mode():
    """By the argument it names, beside the batch's own keyword arguments."""
    model = FunctionModel(lambda params, x, *, flag, train: (x, flag, train), {})
    assert model.has_mode
    assert model.apply({}, (1,), {"flag": 2}, True) == ((1, 2, True), {})
    assert model.apply({}, (1,), {"flag": 2}, False) == ((1, 2, False), {})
    assert not FunctionModel(lambda params, x: x, {}).has_mode
