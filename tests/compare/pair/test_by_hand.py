"""The derivation by hand, held against finite differences: it is an opinion of its own."""

from itertools import pairwise

import numpy as np
import pytest

from compare.arrays.batch import Batch
from compare.pair.by_hand import deep_mlp, forward_and_backward, mlp

NAMES = ("W1", "b1", "W2", "b2", "x")


@pytest.fixture
def case():
    """A small case in float64, its labels of every class."""
    rng = np.random.default_rng(0)
    shapes = {"x": (6, 5), "W1": (7, 5), "b1": (7,), "W2": (3, 7), "b2": (3,)}
    return {name: rng.standard_normal(shape) for name, shape in shapes.items()} | {"y": np.array([0, 1, 2, 0, 1, 2])}


def loss(case) -> float:
    return float(forward_and_backward(**case)[1])


@pytest.mark.parametrize("name", NAMES)
def test_each_gradient_is_the_slope_of_the_loss(name, case):
    """Central differences along every entry: their error is of order h**2, here 1e-10."""
    gradient = dict(zip(NAMES, forward_and_backward(**case)[2:], strict=True))[name]
    h = 1e-5
    for index in np.ndindex(case[name].shape):
        step = np.zeros_like(case[name])
        step[index] = h
        slope = (loss(case | {name: case[name] + step}) - loss(case | {name: case[name] - step})) / (2 * h)
        assert gradient[index] == pytest.approx(slope, abs=1e-8)


def test_the_loss_is_minus_the_mean_log_softmax(case):
    """Computed here without the shift."""
    logits = forward_and_backward(**case)[0]
    p = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    assert loss(case) == pytest.approx(-np.log(p[np.arange(6), case["y"]]).mean(), rel=1e-12)


def test_large_logits_stay_finite(case):
    """The shift is what keeps exp from overflowing."""
    results = forward_and_backward(**(case | {"W2": 1e5 * case["W2"]}))
    assert all(np.isfinite(array).all() for array in results)


def test_it_computes_in_the_dtype_it_is_given(case):
    """float32 in, float32 out: so that it has rounding errors of its own to be judged by."""
    narrow = {name: array.astype(np.float32) if array.dtype == np.float64 else array for name, array in case.items()}
    assert {array.dtype for array in forward_and_backward(**narrow)} == {np.dtype(np.float32)}


def test_of_two_layers_the_deep_derivation_is_the_other(case):
    """The same outputs, loss and gradients, by the same names."""
    names = ("W1", "b1", "W2", "b2")
    weights = {name: case[name] for name in names}
    batch = Batch({"x": case["x"]}, {"y": case["y"]})
    two, deep = mlp(names)(weights, batch), deep_mlp(names)(weights, batch)
    assert set(two) == set(deep)
    for name, array in two.items():
        np.testing.assert_allclose(deep[name], array, rtol=1e-12, atol=1e-14)


def test_each_gradient_of_a_deep_perceptron_is_the_slope_of_its_loss():
    """Of four layers, along some entries of each parameter."""
    rng = np.random.default_rng(0)
    widths = [5, 6, 4, 6, 3]
    names = tuple(f"{kind}{place}" for place in range(4) for kind in "Wb")
    weights = {}
    for place, (inputs, outputs) in enumerate(pairwise(widths)):
        weights |= {f"W{place}": rng.standard_normal((outputs, inputs)), f"b{place}": rng.standard_normal(outputs)}
    batch = Batch({"x": rng.standard_normal((7, 5))}, {"y": rng.integers(0, 3, 7)})
    run, h = deep_mlp(names), 1e-5
    derived = run(weights, batch)
    for name in names:
        for index in list(np.ndindex(weights[name].shape))[:6]:
            step = np.zeros_like(weights[name])
            step[index] = h
            up, down = (float(run(weights | {name: weights[name] + by}, batch)["loss"]) for by in (step, -step))
            assert derived[f"grad/{name}"][index] == pytest.approx((up - down) / (2 * h), abs=1e-7)
