"""A table that the reference keeps rounded, and the port computes."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import torch
from jax import lax

from compare.frameworks.islands.exact import twins_jax
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
    twins = twins_jax(PLACES[name], [np.cos(TABLE), TABLE], SHAPE)
    assert list(twins) == [1]
    np.testing.assert_allclose(twins[1], EXACT, rtol=1e-15)


def test_what_follows_from_an_input_is_no_table():
    """Nor does a loop's running value, whatever it starts from."""

    def function(x):
        start = (x.sum(), jnp.arange(6.0))
        loop = lax.while_loop(lambda c: c[0] < 9, lambda c: (c[0] + 1, jnp.sin(c[1] * 0.3)), start)[1]
        return x * 0 + loop, lax.scan(lambda c, _: (jnp.sin(c * 0.3), None), jnp.arange(6.0), None, length=2)[0]

    assert twins_jax(function, [TABLE], SHAPE) == {}


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
    twins = twins_jax(CASES["rotary"].port, [held.numpy()], {"weight": jax.ShapeDtypeStruct((24,), np.float64)}, rng)
    assert verdicts(judged(pair(torch.from_numpy(twins[0])))) == {Verdict.MATCH}
