"""The running variance of N against N - 1: the correction is exact, and applies where it should alone."""

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from compare.sides.variance import corrected, unbiased


@given(st.integers(2, 9), st.integers(1, 4), st.floats(0.01, 0.99), st.integers(0, 100))
def test_the_correction_is_what_torch_keeps(rows, steps, momentum, seed):
    """Against torch itself: a port that divides by N, corrected, is torch's running variance."""
    rng = np.random.default_rng(seed)
    layer = torch.nn.BatchNorm1d(3, momentum=momentum).double()
    before = rng.uniform(0.5, 2, 3)
    layer.running_var = torch.tensor(before)
    port = before.copy()
    for _ in range(steps):
        x = rng.standard_normal((rows, 3))
        layer(torch.tensor(x))
        port = (1 - momentum) * port + momentum * x.var(axis=0)
    np.testing.assert_allclose(unbiased(port, before, momentum, rows, steps), layer.running_var, rtol=1e-12)


def test_only_running_variances_are_corrected():
    """Not a mean, not a parameter, and not where a single value leaves no unbiased variance."""
    run = {name: np.ones(2) for name in ("output", "state/bn.running_var", "state/bn.running_mean", "state/one.var")}
    names = {name: name.removeprefix("state/") for name in run if name.startswith("state/")}
    before = {name: np.zeros(2) for name in names.values()}
    made = corrected(run, names, before, {"bn.running_var": (0.1, 5.0), "one.var": (0.1, 1.0)})
    assert list(made) == ["state/bn.running_var"]
    assert made["state/bn.running_var"] == pytest.approx(5 / 4)


def test_the_precision_is_kept():
    """What entered is float32: a float64 run is corrected in float64."""
    made = unbiased(np.ones(2), np.ones(2, np.float32), 0.1, 4)
    assert made.dtype == np.float64
