"""The functions that a program calls outside XLA, by which programs of one text are told apart."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from compare.frameworks.cutting.calls_outside import calls_outside

X = jax.ShapeDtypeStruct((3,), np.float32)


def doubled(x: np.ndarray) -> np.ndarray:
    return 2 * x


def halved(x: np.ndarray) -> np.ndarray:
    return x / 2


def told(function) -> tuple:
    """The text, and what it does not tell, of a program that calls a function in a branch."""

    def program(x):
        called = lambda one: jax.pure_callback(function, X, one, vmap_method="sequential")  # noqa: E731
        return jax.lax.cond(x.sum() > 0, called, jnp.sin, x)

    traced = jax.jit(program).trace(X)
    text = traced.lower().as_text()
    return text, calls_outside(traced.jaxpr, text)


@pytest.mark.parametrize(
    ("one", "other", "alike"),
    [(doubled, doubled, True), (doubled, halved, False)],
)
def test_one_text_calls_different_functions(one, other, alike):
    """Equal for one function, however often it was traced."""
    (text, calls), (its_text, its_calls) = told(one), told(other)
    assert text == its_text
    assert (calls == its_calls) == alike
    assert len(calls) == 1


def test_a_program_that_calls_none_has_none():
    """Nothing stands in the way of one compilation."""
    traced = jax.jit(jnp.sin).trace(X)
    assert calls_outside(traced.jaxpr, traced.lower().as_text()) == ()


def test_what_no_operation_tells_equals_nothing():
    """A call in the text whose function is not found: two such programs are two."""
    traced = jax.jit(jnp.sin).trace(X)
    one, other = (calls_outside(traced.jaxpr, "custom_call @xla_ffi_python_cpu_callback") for _ in range(2))
    assert one != other
