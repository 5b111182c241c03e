"""x64 for floats alone: a traced program has the integers that it has without x64."""

import re
import threading
import warnings
from importlib import import_module

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax import lax

from compare.frameworks import integers
from compare.frameworks.integers import float64

USERS_MODELS = True
X = np.random.default_rng(0).standard_normal((5, 16))


@jax.custom_vjp
def scaled(x, times):
    return x * times


scaled.defvjp(lambda x, times: (x * times, times), lambda times, above: (above * times, None))

PROGRAMS = {
    "a cache": lambda x: lax.dynamic_update_slice(jnp.zeros_like(x), x, (0, jnp.zeros((), jnp.int32))),
    "numbers": lambda x: (jnp.asarray(3), jnp.asarray(np.arange(3)), jnp.array([1, 2]), jnp.full(2, 3)),
    "made": lambda x: (jnp.ones(2, int), jnp.zeros_like(jnp.arange(2)), jnp.eye(2, dtype=int)),
    "arange": lambda x: jnp.arange(5) * jnp.arange(5, dtype=int) + np.arange(5) + np.int64(2),
    "asked for": lambda x: x.astype(jnp.int64) + x.astype("int64") + x.astype(np.int64) + x.astype(int),
    "unsigned": lambda x: (x.astype(jnp.uint32) + x.astype(jnp.int32), x.astype(jnp.uint64), jnp.uint32(1) + 2),
    "shapes": lambda x: (jnp.prod(jnp.asarray(x.shape)), x.shape[0] * jnp.arange(3)),
    "indices": lambda x: (x.argmax(), jnp.argsort(x), lax.top_k(x, 2), jnp.nonzero(x, size=3)),
    "searched": lambda x: jnp.searchsorted(x[0], x[1]),
    "counts": lambda x: (x > 0).sum() + jnp.cumsum(x > 0)[-1] + jnp.bincount(jnp.arange(3), length=4)[0],
    "gathers": lambda x: jnp.take(x, np.arange(3), axis=0) + x[np.int64(1)] * np.int64(2) + x[jnp.arange(3)],
    "iota": lambda x: lax.iota(int, 3) + lax.broadcasted_iota(int, (3,), 0),
    "wraps": lambda x: jnp.arange(5) * np.int32(1 << 30) + (jnp.arange(5) << 31),
    "defaults": lambda x: (jnp.zeros(2, jnp.result_type(int)), jnp.zeros(2, jnp.result_type(int, jnp.int8))),
    "places": lambda x: (jnp.unravel_index(x.argmax(), x.shape), jnp.where(jnp.arange(16) <= 3, x, -jnp.inf)),
    "scan": lambda x: lax.scan(lambda count, row: (count + 1, row * count), 0, x),
    "for": lambda x: lax.fori_loop(0, 3, lambda i, carried: carried * i, x),
    "while": lambda x: lax.while_loop(lambda count: count < 3, lambda count: count + 1, 0),
    "branches": lambda x: (lax.cond(x[0, 0] > 0, lambda: 1, lambda: 2), lax.switch(1, [lambda: 0, lambda: 1])),
    "jit": lambda x: jax.jit(lambda x, i: (x * i, i + 1))(x, 3),
    "vmap": lambda x: jax.vmap(lambda row, i: lax.dynamic_slice(row, (i,), (2,)))(x, jnp.arange(5)),
    "checkpoint": lambda x: jax.grad(lambda x: jax.checkpoint(lambda x, i: (x * i).sum())(x, 2))(x),
    "derivative rule": lambda x: (scaled(x, 2), jax.grad(lambda x: scaled(x, jnp.arange(16)).sum())(x)),
    "drawn": lambda x: jax.random.randint(jax.random.key(0), (3,), 0, 10),
    "permuted": lambda x: jax.random.permutation(jax.random.key(0), 5),
}


def program(function, wide):
    """The traced program in words, its floats' width left out."""
    with warnings.catch_warnings(), float64() if wide else jax.enable_x64(False):
        warnings.simplefilter("ignore")  # that int64 is not to be had without x64
        text = str(jax.make_jaxpr(lambda x: function(x))(X.astype(np.float64 if wide else np.float32)))
    return re.sub(r"0x[0-9a-f]+|\d+\.\d+(e[+-]?\d+)?", "#", text.replace("f64", "f32").replace("float64", "float32"))


@pytest.mark.parametrize("name", PROGRAMS)
def test_a_program_has_the_integers_that_it_has_without_x64(name):
    """Operation by operation the same program; with x64 alone it is another, or none."""
    narrow = program(PROGRAMS[name], wide=False)
    assert program(PROGRAMS[name], wide=True) == narrow
    assert "i64" not in narrow


def test_x64_alone_widens_them():
    """What the test above could not tell from nothing."""
    with jax.enable_x64(True):
        assert "i64" in str(jax.make_jaxpr(PROGRAMS["scan"])(X))
        with pytest.raises(TypeError, match="integers of the same type, got int64, int32"):
            jax.make_jaxpr(PROGRAMS["a cache"])(X)


def test_floats_are_float64_also_where_integers_become_floats():
    """int32 becomes float32 in JAX's own table, whatever is on."""
    with float64():
        made = jax.eval_shape(
            lambda n: (n / 3, jnp.sqrt(n), n.mean(), (n > 1).mean(), n * 0.5, jnp.zeros(2), jnp.fft.fft(n)),
            np.arange(4),
        )
    assert [leaf.dtype.name for leaf in made] == [*["float64"] * 6, "complex128"]


@pytest.mark.parametrize(
    "function",
    [
        jnp.signbit, jnp.frexp, jnp.spacing, jnp.sort,
        lambda x: jnp.ldexp(x, 2), lambda x: jnp.nextafter(x, x + 1), lambda x: jnp.copysign(x, -x),
        lambda x: jax.random.normal(jax.random.key(1), x.shape),
        lambda x: jax.random.gamma(jax.random.key(1), jnp.exp(x)),
        lambda x: jax.random.permutation(jax.random.key(0), x), lambda x: lax.bitcast_convert_type(x, jnp.int64) >> 3,
    ],
)  # fmt: skip
def test_the_bits_of_a_float64_stay_wide(function):
    """Where JAX works on them itself, it gives what it gives with x64."""
    x = X[0]
    with jax.enable_x64(True):
        wide = jax.tree.map(np.asarray, jax.jit(lambda x: function(x))(x))
    with float64():
        jax.tree.map(np.testing.assert_array_equal, jax.jit(lambda x: function(x))(x), wide)


def test_a_process_that_allows_named_wide_dtypes_keeps_them():
    """JAX's own switch for int64 without x64: what is named is wide, and what is not is int32."""
    before = jax.config.jax_explicit_x64_dtypes
    jax.config.update("jax_explicit_x64_dtypes", "allow")
    try:
        with float64():
            named, made = jax.eval_shape(lambda x: (x.astype(jnp.int64), jnp.arange(3)), X)
    finally:
        jax.config.update("jax_explicit_x64_dtypes", before)
    assert (named.dtype, made.dtype) == (np.int64, np.int32)


def test_nothing_is_left_behind():
    """Nested, after an error, and for another thread that runs in the meantime."""
    dtypes = import_module("jax._src.dtypes")
    before = {name: getattr(dtypes, name) for name in (*integers._BY_DEFAULT, *integers._FROM_A_DTYPE, integers._VALUE)}
    table = dict(dtypes.default_types)
    found = []

    def look():
        with jax.enable_x64(True):
            found.append(jax.eval_shape(lambda: jnp.arange(3)).dtype)

    def fail():
        with float64(), float64():
            thread = threading.Thread(target=look)
            thread.start()
            thread.join()
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail()
    assert found == [np.int64]
    assert {name: getattr(dtypes, name) for name in before} == before
    assert dtypes.default_types == table
    look()
    assert found == [np.int64] * 2


def test_a_jax_without_these_functions_is_left_alone(monkeypatch):
    """Another version may have moved them: then integers are x64's."""
    for names in ("_BY_DEFAULT", "_PROMOTED", "_FROM_A_DTYPE", "_TO_FLOATS", "_TABLES"):
        monkeypatch.setattr(integers, names, ())
    monkeypatch.setattr(integers, "_VALUE", "gone")
    monkeypatch.setattr(integers, "_AVALS", "gone")
    with float64():
        assert jax.eval_shape(lambda: jnp.arange(4)).dtype == np.int64


def test_what_is_computed_at_once_has_x64s_integers():
    """Compiled functions take their arguments there without asking: again and again, they fit."""
    with float64():
        for _ in range(3):
            assert (jnp.arange(3) + np.arange(3)).dtype == np.int64
