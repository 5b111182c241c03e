"""JAX's side of a row."""

import numpy as np

from compare.explain.differences.port_code import run_port, sample_port
from compare.explain.differences.row_inputs import given

USERS_MODELS = True
X = given({"x": "normal(2, 3)"})


def test_gradients_of_what_moves_and_of_the_parameters():
    """In torch's layout, in float64; integers among the outputs have none."""
    state = {"weight": np.ones((4, 3)), "count": np.array(2)}
    found = run_port("[x @ weight.T, jnp.argmax(x, -1)]", X, state, ["weight"])
    assert [x.dtype.kind for x in found.outputs] == ["f", "i"]
    assert found.outputs[0].dtype == np.float64
    assert {name: x.shape for name, x in found.gradients.items()} == {"x": (2, 3), "weight": (4, 3)}


def test_an_nnx_layer_is_filled():
    """Its own draws are gone."""
    code = "filled(nnx.Linear(3, 4, rngs=rngs), kernel=weight.T, bias=jnp.zeros(4))(x)"
    found = run_port(code, X, {"weight": np.ones((4, 3))}, ["weight"])
    assert np.allclose(found.outputs[0], X.arrays["x"].sum(-1, keepdims=True))


def test_what_raises_is_said():
    """In one line."""
    assert run_port("nothing(x)", X, {}, []).raised == "NameError: name 'nothing' is not defined"


def test_a_sample_is_drawn_from_the_one_key():
    """The same each time."""
    assert np.array_equal(sample_port("jax.random.normal(key, (3, 2))"), sample_port("jax.random.normal(key, (3, 2))"))
