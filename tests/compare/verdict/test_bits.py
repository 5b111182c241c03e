"""A side that computes its products from rounded inputs is flagged, and the rounding is named."""

from dataclasses import replace

import jax
import numpy as np
import pytest
from jax import numpy as jnp

from compare.verdict.bits import precision_flag
from compare.verdict.precision import BFLOAT16, FLOAT32
from compare.verdict.verdict import Verdict, judge
from compare.verification.verification import verify
from tests.compare.faults import SQUARE, square

BITS = {"TF32": 11, "bfloat16": 8}


def round_to(x: jax.Array, bits: int) -> jax.Array:
    """float32 rounded to ``bits`` of significand, as a tensor core rounds a product's inputs; float64 is untouched."""
    if x.dtype != jnp.float32:
        return x
    return jax.lax.reduce_precision(x, exponent_bits=8, mantissa_bits=bits - 1)


def rounding_pair(bits: int):
    """The sound pair, with every product of the port computed from inputs rounded to ``bits``, backward too."""

    @jax.custom_vjp
    def product(x, w):
        return round_to(x, bits) @ round_to(w, bits)

    def forward(x, w):
        return product(x, w), (x, w)

    def backward(saved, g):
        x, w = (round_to(one, bits) for one in saved)
        return round_to(g, bits) @ w.T, x.T @ round_to(g, bits)

    product.defvjp(forward, backward)

    def port(params, x):
        for i in range(SQUARE.layers):
            x = product(x, params[f"W{i}"].T) + params[f"b{i}"]
            x = jax.nn.relu(x) if i < SQUARE.layers - 1 else x
        return x

    return replace(square(), port=port)


@pytest.mark.parametrize("name", BITS)
def test_rounded_products_are_flagged_and_named(name, cpu):
    """The functions match in float64, and the port's float32 is not float32: a notice, and strict makes it count."""
    report = verify(rounding_pair(BITS[name]), cpu)
    assert report.verdict is Verdict.MATCH
    assert report.precision is not None
    assert report.precision.side == "port"
    assert name in report.precision.likely
    assert report.precision.bits_port < BITS[name] + 2.5
    assert any(notice.startswith("precision: the port is less precise") for notice in report.notices)
    assert not report.failed()
    assert report.failed(strict=True)


def test_the_other_side_is_named_where_it_is_the_one(cpu):
    """The same quantities with the two sides exchanged flag the reference."""
    rng = np.random.default_rng(0)
    exact = rng.standard_normal(4096)
    good, bad = exact.astype(np.float32), (exact * (1 + 2.0**-12 * rng.standard_normal(4096))).astype(np.float32)
    for side, one in (
        ("port", judge(good, bad, exact, exact, FLOAT32)),
        ("reference", judge(bad, good, exact, exact, FLOAT32)),
    ):
        flag = precision_flag([("output", "batch", one)], FLOAT32, smooth=False)
        assert flag is not None
        assert flag.side == side
        assert "TF32" in flag.likely


def test_a_smooth_network_is_flagged_by_its_ratio(cpu):
    """A loss of 3 bits is no third of 24, but without kinks there is no excuse for it."""
    rng = np.random.default_rng(0)
    exact = rng.standard_normal(4096)
    t, j = (exact * (1 + scale * rng.standard_normal(4096)) for scale in (1e-7, 1e-6))
    one = judge(t, j, exact, exact, FLOAT32)
    assert precision_flag([("output", "batch", one)], FLOAT32, smooth=False) is None
    flag = precision_flag([("output", "batch", one)], FLOAT32, smooth=True)
    assert flag is not None
    assert flag.ratio > 4


def test_one_lucky_number_is_no_flag():
    """The ratio of two errors in a single number says nothing."""
    one = judge(np.array(1.0), np.array(1.0 + 2e-7), np.array(1.0), np.array(1.0), FLOAT32)
    assert precision_flag([("loss", "batch", one)], FLOAT32, smooth=True) is None


def test_a_sound_pair_runs_at_bfloat16_without_a_flag(cpu):
    """At another working precision both sides lose the same bits."""
    report = verify(square(), cpu, precision=BFLOAT16)
    assert report.verdict is Verdict.MATCH
    assert report.precision is None
    assert report.dtype == "bfloat16"
