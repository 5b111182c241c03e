"""Every variant computes the same training step, and what it keeps is its own."""

import jax
import numpy as np
import pytest

from compare.measure.bench.variants import COMPILED, EAGER, OP_BY_OP, VARIANTS
from compare.pair.pairs import find
from compare.pair.prepare import prepare
from compare.verdict.precision import FLOAT32, FLOAT64

STEPS = 4
QUICK = [name for name in VARIANTS if name != COMPILED]


@pytest.fixture(scope="module")
def entering():
    """The small case with four batches."""
    return prepare(find("loose")).enter(0, STEPS).at(FLOAT32)


def after(name, entering, cpu, precision, passes=1):
    runner = VARIANTS[name](prepare(find("loose")), entering, precision, cpu)
    runner.call(passes * STEPS // runner.steps_per_call)
    runner.wait()
    return runner.parameters()


@pytest.mark.parametrize("name", QUICK)
def test_each_variant_makes_the_same_steps(name, entering, cpu):
    """In float64, after two passes over the batches: the same parameters to rounding."""
    eager, one = (after(each, entering, cpu, FLOAT64, passes=2) for each in (EAGER, name))
    assert set(eager) == set(one)
    for key, array in eager.items():
        np.testing.assert_allclose(one[key], array, rtol=1e-12, atol=1e-14)


@pytest.mark.parametrize("name", QUICK)
def test_each_variant_trains(name, entering, cpu):
    """Parameters move, and a runner built again starts where the first one did."""
    moved, again = after(name, entering, cpu, FLOAT32), after(name, entering, cpu, FLOAT32)
    for key, array in moved.items():
        assert np.abs(array - entering.weights[key]).max() > 1e-5
        np.testing.assert_array_equal(array, again[key])


def test_only_scan_makes_many_steps_in_a_call(entering, cpu):
    """One step per call and K steps per call are different questions."""
    counts = {name: VARIANTS[name](prepare(find("loose")), entering, FLOAT32, cpu).steps_per_call for name in QUICK}
    assert counts == {name: STEPS if "scan" in name else 1 for name in QUICK}


def test_op_by_op_compiles_nothing_anew(entering, cpu, caplog):
    """It stands for what an eager step costs: from the second call on, every operation is in JAX's cache."""
    runner = VARIANTS[OP_BY_OP](prepare(find("loose")), entering, FLOAT32, cpu)
    jax.clear_caches()
    with jax.log_compiles():
        runner.call(1)
        first, caplog.records[:] = list(caplog.records), []
        runner.call(2)
        runner.wait()
    compiled = [record.getMessage() for record in caplog.records if "XLA compilation" in record.getMessage()]
    assert any("XLA compilation" in record.getMessage() for record in first)
    assert compiled == []
