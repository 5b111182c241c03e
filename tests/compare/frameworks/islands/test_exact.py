"""What the port has of a table that the reference keeps rounded."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import torch
from jax import lax

from compare.frameworks.islands.exact import look_out_jax
from compare.frameworks.islands.last_place import units
from compare.frameworks.islands.lookout import Lookout
from compare.verdict.verdict import Verdict
from tests.compare.frameworks.islands.models import CASES, HALF, Case, heads_torch, judged, verdicts

SHAPE = jax.ShapeDtypeStruct((6,), np.float64)
TABLE = np.sin(np.arange(6, dtype=np.float32) * np.float32(0.3))
EXACT = np.sin(np.arange(6) * 0.3)


@pytest.fixture(autouse=True)
def _x64():
    with jax.enable_x64(True), jax.numpy_dtype_promotion("standard"):
        yield


def table():
    return jnp.sin(jnp.arange(6, dtype=jnp.float32) * 0.3)


PLACES = {
    "directly": lambda x: x * table(),
    "jit": jax.jit(lambda x: x * table()),
    "scan": lambda x: lax.scan(lambda c, _: (c * table(), None), x, None, length=2)[0],
    "handed to a scan": lambda x: (lambda t: lax.scan(lambda c, _: (c * t, None), x, None, length=2)[0])(table()),
    "made in a scan from what it is handed": lambda x: (
        lambda t: lax.scan(lambda c, _: (c * jnp.sin(t * 0.3), None), x, None, length=2)[0]
    )(jnp.arange(6, dtype=jnp.float32)),
    "cond": lambda x: lax.cond(x.sum() > 0, lambda x, t: x * jnp.sin(t * 0.3), lambda x, t: x, x, jnp.arange(6.0)),
    "checkpoint": jax.grad(lambda x: jax.checkpoint(lambda x: jnp.sin(x * table()))(x).sum()),
    "broadcast": lambda x: x * table()[None, :, None],
}


@pytest.mark.parametrize("name", PLACES)
def test_the_ports_own_values_are_found_from_its_shapes_alone(name):
    """Wherever it computes them; in the shape that is sought."""
    lookout = Lookout([np.cos(TABLE), TABLE])
    look_out_jax(lookout, PLACES[name], SHAPE)
    assert lookout.pieces(0) == []
    (piece,) = lookout.pieces(1)
    np.testing.assert_allclose(piece.values, EXACT, rtol=1e-15)


@pytest.mark.parametrize("name", PLACES)
def test_the_errors_of_its_code_in_float32_show_in_the_same_places(name):
    """Each result is rounded at random, within what JAX compiles too; the values are counted alike."""
    lookout = Lookout([TABLE])
    look_out_jax(lookout, PLACES[name], SHAPE)
    (piece,) = lookout.pieces(0)
    rounded = Lookout(wanted=[piece.order])
    look_out_jax(rounded, PLACES[name], SHAPE, rng=np.random.default_rng(0))
    error = np.abs(rounded.kept[piece.order] - EXACT)
    assert 0 < error.max() < 8 * units(EXACT).max()


HELD = {"float32": TABLE, "float64": EXACT}


@pytest.mark.parametrize("name", HELD)
def test_what_the_port_holds_counts_too(name):
    """Rounded by itself, or exact: a table that NumPy computed in float64."""
    lookout = Lookout([np.nextafter(TABLE, np.float32(2))])
    look_out_jax(lookout, lambda x: x * jnp.asarray(HELD[name]), SHAPE)
    np.testing.assert_array_equal(lookout.pieces(0)[0].values, HELD[name])


def test_what_follows_from_an_input_is_no_table():
    """Nor does a loop's running value, whatever it starts from."""

    def function(x):
        start = (x.sum(), jnp.arange(6.0))
        loop = lax.while_loop(lambda c: c[0] < 9, lambda c: (c[0] + 1, jnp.sin(c[1] * 0.3)), start)[1]
        return x * 0 + loop, lax.scan(lambda c, _: (jnp.sin(c * 0.3), None), jnp.arange(6.0), None, length=2)[0]

    lookout = Lookout([TABLE])
    look_out_jax(lookout, function, SHAPE)
    assert lookout.pieces(0) == []


def test_a_rounded_buffer_is_responsible():
    """A float32 table of the reference's: no match, until it holds what the port computes."""
    rounded = 1.0 / 10000.0 ** (torch.arange(0, 2 * HALF, 2, dtype=torch.float32) / (2 * HALF))

    def pair(buffer: torch.Tensor) -> Case:
        def reference(p, x):
            h = heads_torch(x * p["weight"])
            angles = torch.outer(torch.arange(x.shape[-2]).to(x.dtype), buffer.to(x.dtype))
            cos, sin = (torch.cat([each, each], -1) for each in (angles.cos(), angles.sin()))
            return (h * cos + torch.cat([-h[..., HALF:], h[..., :HALF]], -1) * sin).transpose(-2, -3).flatten(-2)

        return Case(reference, CASES["rotary"].port, CASES["rotary"].shapes)

    held = rounded.double()
    assert verdicts(judged(pair(held))) == {Verdict.FLOAT32_ONLY}
    rng = jax.ShapeDtypeStruct((2, 5, 24), np.float64)
    lookout = Lookout([held.numpy()])
    look_out_jax(lookout, CASES["rotary"].port, {"weight": jax.ShapeDtypeStruct((24,), np.float64)}, rng)
    (piece,) = lookout.pieces(0)
    assert verdicts(judged(pair(torch.from_numpy(piece.values)))) == {Verdict.MATCH}
