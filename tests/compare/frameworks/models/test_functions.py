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


def averaged(params, x, train=False):
    """A running mean, handed back beside the output."""
    if not train:
        return x - params["n"]["mean"], {}
    return x - x.mean(), {"n": {"mean": 0.9 * params["n"]["mean"] + 0.1 * x.mean(), "count": params["n"]["count"] + 1}}


STATEFUL = {"w": ones(2), "n": {"mean": ones(), "count": np.int64(3)}}


def test_what_is_handed_back_and_what_is_no_float_is_state():
    model = FunctionModel.of((averaged, STATEFUL), (np.ones(2, np.float32),), {}, {"w": ones(2)})
    assert set(model.leaves) == {"params/w", "state/n/mean", "state/n/count"}
    assert model.initial(["state/n/count"]) == {"state/n/count": 3}
    model.fix(["state/n/count"])
    leaves = {"params/w": ones(2), "state/n/mean": ones()}
    out, changed = model.apply(leaves, (jnp.full(2, 3.0),), {}, True)
    assert (out.tolist(), round(float(changed["state/n/mean"]), 6), int(changed["state/n/count"])) == ([0, 0], 1.2, 4)
    out, changed = model.apply(leaves, (jnp.full(2, 3.0),), {}, False)
    assert (out.tolist(), changed) == ([2, 2], {})


def test_training_code_gets_parameters_alone():
    model = FunctionModel.of((averaged, STATEFUL), (np.ones(2, np.float32),), {}, {})
    tree = model.tree({"params/w": ones(2)})
    assert jax.tree.leaves(tree)[0].shape == (2,)
    assert len(jax.tree.leaves(tree)) == 1
    assert set(model.flat(tree)) == {"params/w"}


def test_a_buffer_of_the_reference_is_state_by_its_name():
    params = {"n.mean": ones(), "w": ones(2)}
    model = FunctionModel.of((lambda p, x: x * p["w"], params), (ones(2),), {}, {"w": ones(2)}, (), ("n.mean",))
    assert set(model.leaves) == {"params/w", "state/n.mean"}


@pytest.mark.parametrize(
    "returned", [lambda p, x: (x, {"w": ones(3)}), lambda p, x: (x, {"y": x}), lambda p, x: (x, x)]
)
def test_another_pair_of_results_is_two_outputs(returned):
    model = FunctionModel.of((returned, {"w": ones(2)}), (ones(2),), {}, {})
    assert set(model.leaves) == {"params/w"}
    out, changed = model.apply({"params/w": ones(2)}, (ones(2),), {}, None)
    assert (type(out), changed) == (tuple, {})


def test_what_is_no_parameter_is_given_as_jaxs_own_array():
    """A converter's port takes nothing else, and what is fixed is no fault of its."""
    seen: list[object] = []
    model = FunctionModel(lambda params, x: seen.extend(params.values()) or x, {"w": ones(3), "count": np.int64(0)})
    model.fix([path for path in model.leaves if "count" in path])
    model.apply({"params/w": ones(3)}, (ones(3),), {}, None)
    assert len(seen) == 2
    assert all(isinstance(leaf, jax.Array) for leaf in seen)
