"""Mutants change what enters, one thing at a time, and never what is already so."""

from dataclasses import replace

import numpy as np
import pytest

from compare.pair.prepare import prepare
from compare.verdict.precision import FLOAT32
from compare.verification.mutants import mutants
from tests.compare.faults import square


@pytest.fixture
def entering():
    """What enters the pair with a square weight."""
    return prepare(square()).enter(0, 2).at(FLOAT32)


def differences(one, other) -> set[str]:
    """The names of what differs between two enterings."""
    found = {name for name in one.weights if not np.array_equal(one.weights[name], other.weights[name])}
    for a, b in zip(one.batches, other.batches, strict=True):
        found |= {name for name in a.inputs if not np.array_equal(a.inputs[name], b.inputs[name])}
        found |= {name for name in a.targets if not np.array_equal(a.targets[name], b.targets[name])}
    found |= {name for name in one.hyper if one.hyper[name] != other.hyper[name]}
    return found | ({"cotangent"} if one.cotangent != other.cotangent else set())


def test_each_mutant_changes_one_thing(entering):
    """And keeps every shape, so that the compiled program serves it."""
    assert {name: differences(entering, mutant) for name, mutant in mutants(entering).items()} == {
        "first weight negated": {"W0"},
        "first square weight transposed": {"W1"},
        "first bias dropped": {"b0"},
        "second row replaced by the first": {"x"},
        "labels shifted by one": {"y"},
        "cotangent 1e-6 too large": {"cotangent"},
        "learning_rate 1e-6 too large": {"learning_rate"},
        "momentum 1e-6 too large": {"momentum"},
    }


def test_a_mutant_that_would_change_nothing_is_left_out(entering):
    """Zero biases, one row, a symmetric square weight, a hyper-parameter of 0: there is no such fault to plant."""
    weights = {name: np.zeros_like(array) if array.ndim == 1 else array for name, array in entering.weights.items()}
    weights["W1"] = weights["W1"] + weights["W1"].T
    batch = entering.batches[0]
    one_row = replace(batch, inputs={"x": batch.inputs["x"][:1]}, targets={"y": batch.targets["y"][:1]})
    poor = replace(entering, weights=weights, batches=(one_row,), hyper={"learning_rate": 0.1, "momentum": 0.0})
    left = set(mutants(entering)) - set(mutants(poor))
    assert left == {
        "first bias dropped",
        "first square weight transposed",
        "second row replaced by the first",
        "momentum 1e-6 too large",
    }


def test_what_entered_is_untouched(entering):
    """The mutants are copies; the sound run goes on with what it had."""
    before = {name: array.copy() for name, array in entering.weights.items()}
    mutants(entering)
    for name, array in entering.weights.items():
        np.testing.assert_array_equal(array, before[name])


def test_a_complex_weight_is_conjugated_too(entering):
    weights = {**entering.weights, "b0": entering.weights["b0"] + 1j}
    turned = mutants(replace(entering, weights=weights))["first complex weight conjugated"]
    np.testing.assert_array_equal(turned.weights["b0"], np.conj(weights["b0"]))
