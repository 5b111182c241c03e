"""Is a constant responsible for the gap? Replaced, the gap closes."""

from dataclasses import replace
from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import torch
from jax import lax

from compare.frameworks.islands.constants import shortest
from compare.frameworks.islands.lookout import Lookout, Window
from compare.frameworks.islands.port import promoted_jax
from compare.frameworks.islands.reference import promoted_torch
from compare.frameworks.islands.watch import Watch
from compare.frameworks.islands.witness import constants_jax, replay_with
from compare.verdict.verdict import Verdict
from tests.compare.frameworks.islands.models import (
    CASES,
    HALF,
    LENGTH,
    D,
    arguments,
    heads_jax,
    judged,
    run_reference,
    value_and_grads,
    verdicts,
)

X = np.linspace(-1.0, 1.0, 6)
TABLE = np.sin(np.arange(6, dtype=np.float32) * np.float32(0.3))
EXACT = np.sin(np.arange(6) * 0.3)
INVERSE = np.float32(1) / np.float32(10000) ** (np.arange(0, 2 * HALF, 2, dtype=np.float32) / np.float32(2 * HALF))
ANGLES = np.outer(np.arange(LENGTH, dtype=np.float32), INVERSE)
COS, SIN = (jnp.asarray(np.concatenate([table, table], -1)) for table in (np.cos(ANGLES), np.sin(ANGLES)))


@pytest.fixture(autouse=True)
def _x64():
    with jax.enable_x64(True), jax.numpy_dtype_promotion("standard"):
        yield


def rotary_by_table(p, x):
    """The rotary case's port, with its tables made once, in float32, outside."""
    h = heads_jax(x * p["weight"])
    turned = jnp.concatenate([-h[..., HALF:], h[..., :HALF]], -1)
    return (h * COS.astype(x.dtype) + turned * SIN.astype(x.dtype)).swapaxes(-2, -3).reshape(x.shape)


def test_a_rounded_table_is_named_and_responsible():
    """No match until the reference's values stand in both tables' places; one of them alone does not do it."""
    case = replace(CASES["rotary"], port=rotary_by_table)
    function = partial(value_and_grads, case)
    assert verdicts(judged(case)) == {Verdict.FLOAT32_ONLY}
    found = constants_jax(function, *arguments(case))
    line = rotary_by_table.__code__.co_firstlineno + 4
    assert [(c.shape, c.dtype, c.place) for c in found] == [
        ((LENGTH, D // 2), "float32", f"tests/compare/frameworks/islands/test_witness.py:{line}")
    ] * 2
    lookout = Lookout([constant.values for constant in found])
    with Watch(lookout), promoted_torch():
        run_reference(case, torch.float64)
    pieces = [piece for place in (0, 1) for piece in lookout.pieces(place)]
    assert [piece.windows for piece in pieces] == [(Window(),)] * 2
    replaced = [(constant.values, piece.values) for constant, piece in zip(found, pieces, strict=True)]
    assert verdicts(judged(case, lambda function: replay_with(function, replaced))) == {Verdict.MATCH}
    assert Verdict.MATCH not in verdicts(judged(case, lambda function: replay_with(function, replaced[:1])))


def closes_over(x):
    return x * TABLE


PLACES = {
    "directly": closes_over,
    "held in float64": lambda x: x * jnp.asarray(TABLE.astype(np.float64)),
    "jit": jax.jit(closes_over),
    "jit in jit": jax.jit(lambda x: jax.jit(closes_over)(x)),
    "scan": lambda x: lax.scan(lambda c, _: (c * TABLE, None), x, None, length=1)[0],
    "cond": lambda x: lax.cond(x.sum() > 9, lambda x: x, closes_over, x),
    "checkpoint": jax.checkpoint(closes_over),
    "while": lambda x: lax.while_loop(lambda s: s[0] < 1, lambda s: (s[0] + 1, s[1] * TABLE), (0, x))[1],
}


@pytest.mark.parametrize("name", PLACES)
def test_a_constant_is_found_and_replaced_wherever_it_is(name):
    """Inside what JAX compiles, loops over, branches into or computes anew."""
    (constant,) = constants_jax(PLACES[name], X)
    np.testing.assert_array_equal(constant.values, TABLE.astype(np.float64))
    replaced = jax.jit(replay_with(PLACES[name], [(constant.values, EXACT)]))(X)
    np.testing.assert_allclose(replaced, X * EXACT, rtol=1e-15)
    assert np.abs(promoted_jax(PLACES[name])(X) - X * EXACT).max() > 1e-9


def test_a_scalar_rounded_by_numpy_is_a_constant_too():
    """It comes back as the shortest decimal if the caller says so; a mask and a half are none."""
    epsilon, mask = jnp.float32(1e-6), np.array([0, 0, 0, -1e9, -np.inf, 0.5], np.float32)

    def function(x):
        return x * np.float32(0.1) + epsilon + mask * np.float32(0.5)

    found = constants_jax(function, X)
    assert sorted(c.values.item() for c in found) == [float(np.float32(1e-6)), float(np.float32(0.1))]
    replaced = replay_with(function, [(c.values, shortest(c.values)) for c in found])
    np.testing.assert_allclose(replaced(X), X * 0.1 + 1e-6 + mask.astype(np.float64) / 2, rtol=1e-15)


def test_a_constant_is_known_by_what_it_holds():
    """In another program of the same model it is replaced as well; where it is not, nothing is."""
    (constant,) = constants_jax(closes_over, X)
    exact = [(constant.values, EXACT)]
    twice = replay_with(lambda x, rate: closes_over(x) - jnp.float32(0.1) * rate, exact)(X, 0.0)
    np.testing.assert_allclose(twice, X * EXACT, rtol=1e-15)
    np.testing.assert_array_equal(replay_with(lambda x: x * TABLE[0], exact)(X), X * np.float64(TABLE[0]))
    np.testing.assert_array_equal(replay_with(closes_over, ())(X), promoted_jax(closes_over)(X))
