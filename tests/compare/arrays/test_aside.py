"""Arrays on disk: the same bits, counted, gone with the last that holds them."""

import gc

import ml_dtypes
import numpy as np
import pytest
import torch

from compare.arrays.aside import Aside, is_aside, let_pages_go

ARRAYS = [
    np.array([1.5, np.nan, np.inf, -0.0]),
    np.arange(6, dtype=np.float32).reshape(2, 3).T,
    np.arange(4).astype(ml_dtypes.bfloat16),
    np.array([1 + 2j]),
    np.array([True, False]),
    np.array(2.0),
    np.zeros((0, 3)),
]


@pytest.mark.parametrize("array", ARRAYS, ids=lambda array: f"{array.dtype}{array.shape}")
def test_the_same_bits_come_back(array):
    """Every dtype and layout, pages let go in between."""
    held = Aside(small=0).put(array)
    let_pages_go()
    assert held.dtype == array.dtype
    assert held.shape == array.shape
    assert held.tobytes() == array.tobytes()
    assert is_aside(held) == bool(array.size)


def test_what_is_written_later_stays():
    """A page that was written into is not lost when it is let go."""
    held = Aside(small=0).empty((5000,), np.float64)
    held[:] = 1
    let_pages_go()
    held += 1
    let_pages_go()
    assert (held == 2).all()


def test_what_is_small_stays_in_memory():
    """No file for a bias."""
    aside = Aside()
    assert not is_aside(aside.put(np.zeros(10)))
    assert aside.bytes_most == 0


def test_bytes_are_counted_until_nobody_holds_them():
    """A view holds the whole; at most is what it was."""
    aside = Aside(small=0)
    view = aside.put(np.zeros(1000))[3:]
    assert aside.bytes_now == 8000
    del view
    gc.collect()
    assert (aside.bytes_now, aside.bytes_most) == (0, 8000)
    assert aside.begun().bytes_most == 0


@pytest.mark.parametrize("holding", [lambda array: array[3:], torch.from_numpy], ids=["a view", "a tensor"])
def test_it_lies_there_as_long_as_anybody_holds_it(holding):
    """What comes next is written elsewhere."""
    aside = Aside(small=0)
    held = holding(aside.put(np.ones(1000)))
    others = [aside.put(np.zeros(1000)) for _ in range(3)]
    assert held.sum() in (997, 1000)
    assert not sum(one.sum() for one in others)
