"""NumPy by hand."""

import numpy as np
import pytest

from compare.measure.bench.runner import Unavailable
from compare.measure.bench.runners.numpy_by_hand import NumpyRunner
from compare.verdict.precision import BFLOAT16, FLOAT32, FLOAT64
from tests.compare.measure.bench.small import apart, ready


def test_the_gradient_is_that_of_the_derivation(cpu):
    """As ``by_hand`` has it."""
    prepared, entering = ready("loose")
    own = NumpyRunner(prepared, entering, FLOAT64, cpu).gradients()
    wide = {name: array.astype(np.float64) for name, array in entering.weights.items()}
    derived = prepared.pair.derived(wide, entering.batches[0].at(FLOAT64))
    assert apart({name: derived[f"grad/{name}"] for name in own}, own) < 1e-15


def test_it_trains_in_the_dtype_that_it_was_given(cpu):
    """Nothing is widened on the way."""
    runner = NumpyRunner(*ready("loose"), FLOAT32, cpu)
    runner.call(3)
    assert runner.step.weights.dtype == np.float32
    assert np.asarray(runner.loss).dtype == np.float32


def test_a_precision_that_numpy_has_not_is_refused(cpu):
    """It would compute in another one."""
    with pytest.raises(Unavailable, match="NumPy computes in bfloat16 on the cpu neither"):
        NumpyRunner(*ready("loose"), BFLOAT16, cpu)
