"""The gradients at kinks, found and asked."""

from functools import partial

import pytest

from compare.explain.differences.port_code import run_port
from compare.explain.differences.reference_code import ReferenceCode
from compare.explain.differences.row_inputs import given
from compare.explain.differences.slopes_at import kinks_of

X = given({"x": "normal(3, 4)"})


def found(reference, port, *numbers):
    run = partial(run_port, port, state={}, trained=[])
    return kinks_of(ReferenceCode(reference, X.arrays).run, run, None, X, numbers)


def test_a_kink_at_a_number_that_no_signature_holds():
    """relu6: 0 at 6 on both sides."""
    assert [(kink.at, kink.reference, kink.port) for kink in found("F.relu6(x)", "jax.nn.relu6(x)")] == [
        (0, 0, 0), (6, 0, 0),
    ]  # fmt: skip


def test_two_conventions():
    """abs at 0: 0 in torch, 1 in JAX; the slopes to either side are what they are."""
    (kink,) = found("torch.abs(x)", "jnp.abs(x)")
    assert (kink.at, kink.reference, kink.port, kink.adapted) == (0, 0, 1, None)
    assert (kink.left, kink.right) == pytest.approx((-1, 1))


def test_a_number_of_the_code():
    """Only where it is named."""
    codes = "F.threshold(x, 0.7, 0.0)", "jnp.where(x > 0.7, x, 0.0)"
    assert found(*codes) == []
    assert [kink.at for kink in found(*codes, 0.7)] == [0.7]


@pytest.mark.parametrize(
    ("reference", "port"),
    [
        ("F.silu(x)", "jax.nn.silu(x)"),
        ("F.softmax(x, -1)", "jax.nn.softmax(x)"),
        ("torch.cumprod(x, -1)", "jnp.cumprod(x, -1)"),
        ("torch.mean(x)", "jnp.mean(x)"),
    ],
)
def test_no_kink(reference, port):
    """A smooth function, and those that do not go entry by entry."""
    assert found(reference, port) == []
