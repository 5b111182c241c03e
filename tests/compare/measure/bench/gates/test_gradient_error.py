"""Errors of gradients against float64, and eager's."""

import numpy as np
import pytest

from compare.measure.bench.gates.gradient_error import at, draws, gradient_error, median_error
from compare.measure.bench.gates.observation import Point
from compare.verdict.precision import FLOAT32, FLOAT64
from tests.compare.measure.bench.gates.made_up import entering, observed

RNG = np.random.default_rng(0)


def drawn(*errors, eager=1e-7, size=1000):
    """A draw for each relative error of the row."""
    exact = RNG.standard_normal(size)

    def off(by):
        noise = RNG.standard_normal(size)
        return {"w": exact + noise * by * np.linalg.norm(exact) / np.linalg.norm(noise)}

    return [(off(error), off(eager), {"w": exact}) for error in errors]


def test_an_error_like_eagers_passes():
    """And one that is larger once, where a gate flipped; the median says what it is."""
    assert gradient_error(drawn(*[1.05e-7] * 5), FLOAT32) == ""
    assert gradient_error(drawn(1e-7, 1e-7, 1e-7, 1e-4, 1e-4), FLOAT32) == ""
    assert median_error(drawn(1e-7, 1e-7, 1e-7, 1e-4, 1e-4)) == pytest.approx(1e-7, rel=1e-6)
    assert (gradient_error([], FLOAT32), median_error([])) == ("", None)


@pytest.mark.parametrize("error", [6e-7, 3e-4, 3e-3])
def test_a_larger_one_is_told_with_both(error):
    """TF32 and bfloat16 are thousands of times as far."""
    sentence = gradient_error(drawn(*[error] * 5), FLOAT32)
    assert "within 4 times eager's 1.0e-07" in sentence
    assert f"got {error:.1e}" in sentence


def test_one_parameter_that_stands_out_is_told():
    """Though it is lost in the size of the others."""
    made = drawn(*[1e-7] * 5)
    for own, eager, exact in made:
        small = RNG.standard_normal(100) * 1e-5
        own["b"], eager["b"], exact["b"] = small * (1 + 3e-4), small * (1 + 1e-7), small
    assert "the error of the gradient by b" in gradient_error(made, FLOAT32)


def test_a_gradient_that_says_nothing_is_told():
    """Zero, not finite, or below the normal numbers."""
    ((own, eager, exact),) = drawn(1e-7)
    for scale, word in ((0.0, "zero in every entry"), (np.nan, "not"), (1e-40, "subnormal")):
        assert word in gradient_error([({"w": own["w"] * scale}, eager, exact)], FLOAT32)


OWN = {name: np.ones(3) for name in ("w", "x", "b")}


class Plain:
    """Says where it was put: at which weight, on which batch, at which precision; and trains no bias."""

    def __init__(self, given, precision):
        self.said = {"w": np.array([given.weights.get("w", np.zeros(1))[0], len(given.batches), precision.bits])}
        self.x = given.batches[0].inputs["x"]

    def gradients(self):
        return {**self.said, "x": self.x, "b": np.zeros(2)}


def test_eager_is_put_where_the_row_stood():
    """At the row's parameters, on the row's next batch."""
    own = entering()
    points = tuple(Point(steps, {"w": np.full(2, steps)}, OWN, {}) for steps in range(3))
    row = observed(entering=own, points=points)
    placed = at(row, points[1], Plain, FLOAT64)
    assert placed["w"].tolist() == [1, 1, 53]
    np.testing.assert_array_equal(placed["x"], own.batches[1].inputs["x"])
    made = draws(row, Plain, FLOAT32)
    assert [eager["w"].tolist() for _, eager, _ in made] == [[0, 1, 24], [1, 1, 24], [2, 1, 24]]
    assert all(set(part) == {"w", "x"} for draw in made for part in draw)  # the bias is not trained


def test_a_pair_with_masks_is_looked_at_where_the_masks_are_known():
    """Each time the first batch comes round."""
    points = tuple(Point(steps, {}, OWN if steps != 3 else {}, {}) for steps in range(5))
    assert len(draws(observed(masked=True, points=points), Plain, FLOAT32)) == 3  # after 0, 2 and 4 steps
