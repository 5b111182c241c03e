"""What enters both sides: all from one seed, moved away from 0 and 1, or the pair's own weights."""

from dataclasses import replace

import numpy as np
import pytest

from compare.errors import UsageError
from compare.pair.drawing import drawn, moved, uniform_fan_in
from compare.pair.prepare import prepare
from tests.compare.small import loose_pair, norm_pair

USERS_MODELS = True
OWN = {"w": np.ones((2, 3), np.float32), "mean": np.zeros(3, np.float32), "table": np.ones(3, np.float32)}
SHAPES = {name: array.shape for name, array in OWN.items()}


def test_moving_leaves_other_entries_alone():
    """Entry by entry; integers never."""
    array = np.array([0.0, 0.5, 1.0, -1.0], np.float32)
    after = moved(array, np.random.default_rng(0))
    assert (after != array).tolist() == [True, False, True, False]
    assert after.dtype == np.float32
    ids = np.array([0, 1])
    assert moved(ids, np.random.default_rng(0)) is ids


def test_all_that_enters_comes_from_the_seed():
    """Weights that are moved, and every step's batch."""
    ready = prepare(norm_pair(batch=lambda rng: rng.standard_normal((6, 4), dtype=np.float32)))
    one, same, other = ready.enter(0, 2), ready.enter(0, 2), ready.enter(1, 2)
    np.testing.assert_array_equal(one.weights["1.bias"], same.weights["1.bias"])
    np.testing.assert_array_equal(one.batches[1].inputs["input"], same.batches[1].inputs["input"])
    assert not np.array_equal(one.weights["1.bias"], other.weights["1.bias"])
    assert not np.array_equal(one.batches[0].inputs["input"], one.batches[1].inputs["input"])
    assert other.seed == 1


def test_what_is_still_enters_as_a_buffer_and_what_does_not_move_as_it_is():
    """A running mean is moved, a table is not."""
    pair = replace(loose_pair(None, None), weights=None)
    entering = drawn(pair, OWN, SHAPES, {"mean", "table"}, 0, 2, moving=lambda name: name != "table")
    assert (set(entering.weights), set(entering.buffers), len(entering.batches)) == ({"w"}, {"mean", "table"}, 2)
    assert (entering.buffers["mean"] != 0).all()
    assert entering.buffers["table"] is OWN["table"]


@pytest.mark.parametrize(
    ("weights", "complaint"),
    [
        ({"w": np.ones(2)}, r"gives \(2,\) for w, the reference has \(2, 3\)"),
        ({"w": np.ones((2, 3)), "v": np.ones(2)}, r"for v, the reference has no such array"),
        ({"mean": np.ones(3)}, r"gives nothing for w"),
    ],
)
def test_weights_of_the_pairs_own_are_held_against_the_reference(weights, complaint):
    """Only what may be left out is."""
    pair = loose_pair(None, None, weights=lambda rng: weights)
    with pytest.raises(UsageError, match=complaint):
        drawn(pair, OWN, SHAPES, {"mean", "table"}, 0, 1, optional={"mean", "table"})
    whole = replace(pair, weights=lambda rng: {"w": np.zeros((2, 3))})
    assert set(drawn(whole, OWN, SHAPES, {"mean"}, 0, 1, optional={"mean", "table"}).weights) == {"w"}


def test_initial_weights_have_torchs_own_distribution():
    """U(-1/sqrt(fan_in), 1/sqrt(fan_in)), biases included, so that a forgotten bias shows."""
    drawn = uniform_fan_in({"w": (400, 100), "b": (400,)}, np.random.default_rng(0))
    for array in drawn.values():
        assert np.abs(array).max() <= 0.1
        assert np.abs(array).max() > 0.099
        assert array.std() == pytest.approx(0.1 / np.sqrt(3), rel=0.1)


def test_of_complex_numbers_either_part_is_moved_away_from_0_and_1():
    """A parameter that starts real has imaginary parts of 0, which would hide that they are dropped."""
    array = np.array([[2 + 0j, 1 + 3j], [0.5 + 1j, 0j]], np.complex64)
    apart = moved(array, np.random.default_rng(0))
    assert apart.dtype == np.complex64
    still = np.stack([array.real, array.imag])
    changed = np.stack([apart.real, apart.imag]) != still
    np.testing.assert_array_equal(changed, (still == 0) | (still == 1))


def test_weights_of_the_pairs_own_are_complex_where_the_references_are():
    """Either way round, in one line."""
    real = loose_pair(lambda p, x: x * p["w"], lambda p, x: x * p["w"])
    own = {"w": np.ones(4, np.complex64)}
    with pytest.raises(UsageError, match="weights= gives floats for w, the reference has complex numbers"):
        drawn(real, own, {"w": (4,)}, (), 0, 1)
