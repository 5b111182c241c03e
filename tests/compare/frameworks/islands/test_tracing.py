"""Requests for float32 answered in float64, while tracing, on one thread."""

import threading

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax import lax

from compare.frameworks.islands import tracing
from compare.frameworks.islands.tracing import can_prevent_rounding, raised, requests_raised


@pytest.fixture(autouse=True)
def _x64():
    with jax.enable_x64(True), jax.numpy_dtype_promotion("standard"):
        yield


@pytest.mark.parametrize("dtype", [jnp.float32, "float32", np.float32, np.dtype("f4"), jnp.bfloat16, jnp.float16])
def test_a_request_is_raised_inside_and_only_there(dtype):
    """However the dtype is written."""
    x = jnp.ones(3)
    with requests_raised():
        assert x.astype(dtype).dtype == jnp.asarray(0.1, dtype).dtype == jnp.zeros(3, dtype).dtype == np.float64
        assert float(jnp.asarray(0.1, dtype)) == 0.1
    assert x.astype(dtype).dtype == np.dtype(dtype)


def test_complex_integers_and_bits_keep_their_kind():
    """complex64 becomes complex128; what reads bits gets the format that it asks for."""
    with requests_raised():
        assert jnp.ones(3).astype(jnp.complex64).dtype == np.complex128
        assert jnp.ones(3).astype(jnp.int32).dtype == np.int32
        assert lax.bitcast_convert_type(jnp.ones(3, jnp.int32), jnp.float32).dtype == np.float32
        assert jnp.ones(3, jnp.int32).view(jnp.float32).dtype == np.float32
        assert jax.random.normal(jax.random.key(0), (3,), jnp.float32).dtype == np.float32


def test_another_thread_is_not_touched():
    """The patch is the process's, its effect one thread's."""
    found = []

    def look():
        with jax.enable_x64(True):
            found.append(jnp.ones(3).astype(jnp.float32).dtype)

    with requests_raised():
        thread = threading.Thread(target=look)
        thread.start()
        thread.join()
    assert found == [np.float32]


def test_nothing_is_left_behind():
    """Nested, and after an error, JAX is as it was."""
    before = tracing._module().check_and_canonicalize_user_dtype
    with pytest.raises(ZeroDivisionError), requests_raised(), requests_raised():
        _ = 1 / 0
    assert tracing._module().check_and_canonicalize_user_dtype is before
    assert jnp.ones(3).astype(jnp.float32).dtype == np.float32


def test_a_jax_without_the_reader_is_left_alone(monkeypatch):
    """Another version may have moved it."""
    assert can_prevent_rounding()
    monkeypatch.setattr(tracing, "_READER", "gone")
    assert not can_prevent_rounding()
    with requests_raised():
        assert jnp.ones(3).astype(jnp.float32).dtype == np.float32
    monkeypatch.setattr(tracing.importlib, "import_module", lambda name: _raise(ImportError(name)))
    assert not can_prevent_rounding()


def _raise(error):
    raise error


def test_raised_names_the_dtype():
    """Only the ones below double are raised."""
    assert raised(np.dtype(np.float32)) == np.float64
    assert raised(np.dtype(np.int32)) == np.int32
