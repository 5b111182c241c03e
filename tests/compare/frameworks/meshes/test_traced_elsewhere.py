"""A program as it is traced for a mesh of four devices, run on the one that there is."""

import jax
import jax.numpy as jnp
import numpy as np
from jax.sharding import AbstractMesh, AxisType, PartitionSpec
from jax.sharding import PartitionSpec as P

from compare.frameworks.meshes.traced_elsewhere import first_apart, place_of_first_apart, traced_for

FOUR = AbstractMesh((2, 2), ("data", "model"), axis_types=(AxisType.Auto,) * 2)
ONE = AbstractMesh((1, 1), ("data", "model"), axis_types=(AxisType.Auto,) * 2)
X = np.arange(8, dtype="f4").reshape(4, 2)


def spread(x: jax.Array, spec: PartitionSpec) -> jax.Array:
    return x if jax.sharding.get_abstract_mesh().empty else jax.lax.with_sharding_constraint(x, spec)


def model(x: jax.Array, by: float = 1.0) -> jax.Array:
    """Constraints by itself, inside a compiled call, in a loop's body, and in what is differentiated by a rule."""

    def body(carry: jax.Array, _: None) -> tuple[jax.Array, None]:
        return spread(jax.nn.relu(carry), P("data")) * 0.5, None

    x = jax.jit(lambda x: spread(jnp.sin(x), P("data", "model")))(spread(x, P("data")))
    return jax.lax.scan(body, x, None, length=3)[0] / by


def dividing(x: jax.Array) -> jax.Array:
    return model(x, jax.sharding.get_abstract_mesh().shape["data"])


def traced(function, mesh):
    with jax.sharding.use_abstract_mesh(mesh):
        return jax.make_jaxpr(lambda x: function(x))(X)


def test_what_spreads_arrays_is_left_out(cpu):
    """Of the function and of its gradient, compiled."""
    for function in (model, jax.grad(lambda x: model(x).sum())):
        np.testing.assert_array_equal(jax.jit(traced_for(FOUR, function))(X), jax.jit(function)(X))


def test_what_asks_for_the_mesh_is_told_of_the_other_one(cpu):
    """Where it runs says nothing."""
    elsewhere = jax.jit(traced_for(FOUR, dividing))(X)
    np.testing.assert_array_equal(elsewhere, model(jnp.asarray(X)) / 2)


def test_the_same_program_is_told_from_another_one():
    """By the line of what differs; whatever is spread, or called by another name."""
    assert first_apart(traced(model, FOUR), traced(model, ONE)) is None
    assert place_of_first_apart(traced(model, FOUR), traced(model, ONE)) == ""
    assert "test_traced_elsewhere.py:" in place_of_first_apart(traced(dividing, FOUR), traced(dividing, ONE))
    assert first_apart(traced(model, ONE), traced(lambda x: model(x) + 1, ONE)).primitive.name == "add"
