"""Masks are pure functions of their arguments, the same on every machine, and drop at their rate."""

import numpy as np
import pytest

from compare.frameworks.dropout.masks import draw


def test_the_same_arguments_give_the_same_mask_and_others_another():
    one = draw(3, 1, (20, 30), 0.5)
    assert (one.dtype, one.shape) == (bool, (20, 30))
    assert np.array_equal(one, draw(3, 1, (20, 30), 0.5))
    assert not np.array_equal(one, draw(3, 2, (20, 30), 0.5))
    assert not np.array_equal(one, draw(4, 1, (20, 30), 0.5))


def test_numpys_global_state_is_neither_read_nor_written():
    np.random.seed(0)
    before = np.random.get_state()[1].copy()
    one = draw(3, 1, (50,), 0.5)
    assert np.array_equal(before, np.random.get_state()[1])
    np.random.seed(1)
    assert np.array_equal(one, draw(3, 1, (50,), 0.5))


def test_the_bits_are_those_of_every_version():
    """A recorded comparison is judged on another machine: these values may never change."""
    assert draw(0, 0, (16,), 0.5).astype(int).tolist() == BITS


BITS = [0, 0, 0, 1, 1, 1, 1, 1, 1, 0, 0, 0, 0, 0, 0, 0]


@pytest.mark.parametrize("rate", [0.0, 0.1, 0.5, 0.9, 1.0])
def test_entries_are_dropped_at_the_rate(rate):
    size = 200_000
    dropped = 1 - draw(5, 0, (size,), rate).mean()
    assert abs(dropped - rate) <= 4 * np.sqrt(rate * (1 - rate) / size)


def test_neighbours_are_independent():
    """Odd and even entries come from two halves of one word."""
    mask = draw(5, 0, (200_000,), 0.5)
    assert abs((mask[::2] == mask[1::2]).mean() - 0.5) < 0.01


@pytest.mark.parametrize("shape", [(), (0, 3), (7,), (3, 1, 5)])
def test_every_shape_comes_out(shape):
    mask = draw(1, 0, shape, 0.5)
    assert isinstance(mask, np.ndarray)
    assert mask.shape == shape


def test_a_smaller_rate_drops_a_part_of_what_a_larger_one_drops():
    """So that two runs that differ in a rate alone stay comparable entry by entry."""
    little, much = draw(2, 0, (500,), 0.2), draw(2, 0, (500,), 0.7)
    assert not (much & ~little).any()
    assert much.sum() < little.sum()


@pytest.mark.parametrize("rate", [-0.1, 1.1, float("nan")])
def test_a_rate_that_is_none_is_refused(rate):
    with pytest.raises(ValueError, match="between 0 and 1"):
        draw(0, 0, (3,), rate)
