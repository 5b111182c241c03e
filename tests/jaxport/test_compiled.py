"""The port compiled: what jax.jit keeps, refuses and compiles anew."""

import jax
import jax.export
import jax.numpy as jnp
import pytest

from jaxport.compiled import centred, export, noted

pytestmark = pytest.mark.optimized


def test_the_body_runs_once_and_an_if_on_a_value_is_refused() -> None:
    """While it is traced: one note for three calls, and no number to decide by."""
    assert noted(jnp.ones(2)) == ["called"]
    assert noted(jnp.ones(2), compile=lambda function: function) == ["called"] * 3
    with pytest.raises(jax.errors.TracerBoolConversionError):
        jax.jit(centred)(jnp.ones(2))


def test_a_branch_on_a_shape_is_no_branch_on_a_value() -> None:
    """A shape is known while tracing: each has its program, with one branch in it."""
    halved = jax.jit(lambda x: x / 2 if x.shape[0] > 2 else x)
    assert halved(jnp.ones(3))[0] == 0.5
    assert halved(jnp.ones(2))[0] == 1


def test_the_program_is_bound_to_platform_and_dtype() -> None:
    """It is lowered for the platforms named, the present one unless said, and refuses another dtype by name."""
    x = jnp.ones((4, 3))
    program = jax.export.deserialize(jax.export.export(jax.jit(jnp.tanh))(x).serialize())
    assert len(program.platforms) == 1
    assert jax.export.export(jax.jit(jnp.tanh), platforms=("cpu", "cuda"))(x).platforms == ("cpu", "cuda")
    with pytest.raises(ValueError, match="Dtype mismatch"):
        program.call(x.astype(jnp.int32))


def test_a_branch_on_an_open_size_cannot_be_exported() -> None:
    """A symbol is no number to compare."""
    (batch,) = jax.export.symbolic_shape("batch")
    halved = jax.jit(lambda x: x / 2 if x.shape[0] > 2 else x)
    with pytest.raises(Exception, match="inconclusive"):
        jax.export.export(halved)(jax.ShapeDtypeStruct((batch,), jnp.float32))


def test_the_weights_stay_arguments() -> None:
    """Other weights, same program: nothing of the first is inside."""
    params = {"weight": jnp.ones((2, 3)), "bias": jnp.zeros(2)}
    _, loaded, unbound = export(*params.values(), jnp.ones((4, 3)))
    with pytest.raises(ValueError, match=r"\(4, 3\)"):
        loaded.call(params, jnp.ones((3, 3)))
    assert unbound.call(params, jnp.ones((3, 3))).shape == (3, 2)
    model = jax.jit(lambda params, x: x @ params)
    program = jax.export.export(model)(jnp.ones((3, 2)), jnp.ones((4, 3)))
    assert (program.call(jnp.zeros((3, 2)), jnp.ones((4, 3))) == 0).all()
