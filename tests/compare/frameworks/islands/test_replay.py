"""A traced program evaluated with its float32 raised."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax import lax

from compare.frameworks.islands.replay import holds_low, inner_programs, parts, replay

X = np.linspace(-1.0, 1.0, 6)


@pytest.fixture(autouse=True)
def _x64():
    with jax.enable_x64(True), jax.numpy_dtype_promotion("standard"):
        yield


def low(x):
    return x.astype(jnp.float32)


def body(x):
    return jnp.sin(low(x) * 0.1)


def wanted(x):
    return np.sin(x * 0.1)


PROGRAMS = {
    "cast": (body, wanted),
    "jit": (jax.jit(body), wanted),
    "checkpoint": (jax.checkpoint(body), wanted),
    "scan": (lambda x: lax.scan(lambda c, t: (body(c), t), low(x), jnp.arange(2.0))[0], lambda x: wanted(wanted(x))),
    "while": (
        lambda x: lax.while_loop(lambda s: s[0] < 2, lambda s: (s[0] + 1, body(s[1])), (0, low(x)))[1],
        lambda x: wanted(wanted(x)),
    ),
    "cond": (lambda x: lax.cond(x.sum() > 9, low, body, x), wanted),
    "switch": (lambda x: lax.switch(jnp.int32(x[0] > 9), [body, low], x), wanted),
    "custom_jvp": (lambda x: jax.nn.relu(low(x)), lambda x: np.maximum(x, 0)),
    "iota": (lambda x: x + jnp.arange(6, dtype=jnp.float32) * 0.1, lambda x: x + np.arange(6) * 0.1),
    "einsum": (lambda x: jnp.einsum("i,i", x, x, preferred_element_type=jnp.float32), lambda x: x @ x),
    "algorithm": (
        lambda x: jnp.dot(low(x), low(x), precision=lax.DotAlgorithmPreset.F32_F32_F32),
        lambda x: x @ x,
    ),
    "complex": (lambda x: jnp.abs(jnp.exp(x.astype(jnp.complex64) * 1j * 0.1) * 0.1), lambda x: np.full(6, 0.1)),
    "bfloat16": (lambda x: x.astype(jnp.bfloat16) * 0.1, lambda x: x * 0.1),
    "scatter": (lambda x: jnp.zeros(6, jnp.float32).at[jnp.array([0, 0])].add(low(x)[:2]), None),
    "batched": (
        lambda x: jax.vmap(lambda v: lax.cond(v > 0, body, low, v))(x),
        lambda x: np.where(x > 0, wanted(x), x),
    ),
}


@pytest.mark.parametrize("name", PROGRAMS)
def test_it_computes_what_float64_would(name):
    """And not what float32 did; nothing in the new program is float32."""
    function, expected = PROGRAMS[name]
    program = jax.make_jaxpr(function)(X)
    (out,) = replay(program, [jnp.asarray(X)])
    want = np.r_[X[0] + X[1], np.zeros(5)] if expected is None else expected(X)
    assert out.dtype == np.float64
    np.testing.assert_allclose(out, want, rtol=4e-15, atol=1e-17)
    assert holds_low(program)
    assert not holds_low(jax.make_jaxpr(lambda x: replay(program, [x]))(X))
    if name != "custom_jvp":
        with pytest.raises(AssertionError):
            np.testing.assert_allclose(np.asarray(function(X), np.float64), want, rtol=4e-15, atol=1e-17)


def test_bits_are_read_in_the_format_that_was_meant():
    """Four bytes an entry, whatever the entries are held in."""

    def function(x):
        return lax.bitcast_convert_type(lax.bitcast_convert_type(low(x), jnp.int32) + 1, jnp.float32)

    (out,) = replay(jax.make_jaxpr(function)(X), [jnp.asarray(X)])
    np.testing.assert_array_equal(out, function(X))
    assert out.dtype == np.float64


def test_a_callback_gets_what_it_was_written_for():
    """NumPy code outside JAX that declares float32 is called with float32."""
    seen = []

    def outside(x):
        seen.append(x.dtype)
        return np.sin(x)

    def function(x):
        return jax.pure_callback(outside, jax.ShapeDtypeStruct((6,), jnp.float32), low(x)) * 0.1

    (out,) = replay(jax.make_jaxpr(function)(X), [jnp.asarray(X)])
    assert seen == [np.float32]
    np.testing.assert_allclose(out, np.float64(np.sin(np.float32(X))) * 0.1, rtol=1e-15)


def test_a_program_is_taken_apart():
    """Inner programs of one operation, with what they close over."""
    table = jnp.sin(jnp.arange(6.0))
    program = jax.make_jaxpr(jax.jit(lambda x: x * table))(X)
    (inner,) = inner_programs(parts(program)[0].eqns[0])
    assert [np.asarray(const).tolist() for const in parts(inner)[1]] == [table.tolist()]
    assert not holds_low(program)


def test_a_replayed_rule_can_be_differentiated():
    """Its rule was made for float32, and gives way to what the function computes."""
    program = jax.make_jaxpr(lambda x: jax.nn.silu(low(x)))(X)
    found = jax.grad(lambda x: replay(program, [x])[0].sum())(jnp.asarray(X))
    np.testing.assert_allclose(found, jax.grad(lambda x: jax.nn.silu(x).sum())(jnp.asarray(X)), rtol=1e-14)
    program = jax.make_jaxpr(lambda x: jax.nn.relu(low(x)))(X)
    assert jax.grad(lambda x: replay(program, [x])[0].sum())(jnp.asarray(X)).tolist() == [0, 0, 0, 1, 1, 1]
