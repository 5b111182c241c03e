"""How far two results are apart."""

import numpy as np
import pytest

from compare.explain.differences.outcome import Outcome, distance, furthest, gaps


def made(value, slope=(0.0,)):
    return Outcome((np.array(value),), {"x": np.array(slope)})


def test_entries_above_1_count_relative():
    """Smaller ones as they are."""
    assert gaps(np.array([1000.0, 0.1]), np.array([1001.0, 0.2])) == pytest.approx([1e-3, 0.1])


def test_what_is_not_finite():
    """Equal where it is so on both sides; else no size is enough."""
    ours, theirs = np.array([np.nan, np.inf, np.inf, 1.0]), np.array([np.nan, np.inf, -np.inf, np.nan])
    assert gaps(ours, theirs).tolist() == [0, 0, np.inf, np.inf]


def test_outputs_and_gradients_apart():
    """Each by itself, and the worst of both."""
    found = distance(made([1.0, 2.0], [0.0]), made([1.0, 2.5], [0.125]))
    assert (found.value, found.gradient, found.worst) == (0.25, 0.125, 0.25)


def test_what_cannot_be_compared_is_said():
    """What one side raised, and other shapes."""
    assert distance(Outcome(raised="IndexError: 7"), made([1.0])).said == "torch raises IndexError: 7"
    assert distance(made([1.0]), Outcome(raised="TypeError: no")).said == "JAX raises TypeError: no"
    found = distance(made([1.0]), made([[1.0]]))
    assert (found.said, found.worst) == ("shapes (1,) in torch, (1, 1) in JAX", np.inf)


def test_where_they_are_furthest_apart():
    """With both entries; without the gradients where these are noise."""
    ours, theirs = made([0.0, 1.0], [0.0, 0.0]), made([0.0, 1.25], [0.0, np.nan])
    assert furthest(ours, theirs, True)[:3] == ("gradient of x", np.inf, 0.0)
    assert furthest(ours, theirs, False) == ("value", 0.25, 1.0, 1.25)
