"""The port compiled: what jax.jit keeps, refuses and compiles anew."""

import jax
import jax.export
import jax.numpy as jnp
import pytest

from jaxport.compiled import compiled_step, export, recompilation

pytestmark = pytest.mark.optimized


def test_a_lesson_counts_the_same_when_it_is_run_again() -> None:
    """The functions inside are new at each call, and so are their traces."""
    rows = jnp.arange(15.0).reshape(5, 3)
    for _ in range(2):
        assert recompilation(rows)["programs by default"] == 4
        assert compiled_step(rows[0, :, None], rows[0, :1], rows, rows[:, :1])["times traced"] == 1


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
    refused = export(jnp.ones((2, 3)), jnp.zeros(2), jnp.ones((4, 3)))["one row fewer"]
    assert "(4, 3)" in str(refused)
    model = jax.jit(lambda params, x: x @ params)
    program = jax.export.export(model)(jnp.ones((3, 2)), jnp.ones((4, 3)))
    assert (program.call(jnp.zeros((3, 2)), jnp.ones((4, 3))) == 0).all()
