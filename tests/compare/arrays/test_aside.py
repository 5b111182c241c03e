"""Arrays on disk: the same bits, counted, gone with the last that holds them."""

import errno
import gc
import os
import tempfile

import ml_dtypes
import numpy as np
import pytest

from compare.arrays.aside import Aside, is_aside, let_pages_go
from compare.errors import UsageError

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


def test_a_file_has_no_name(tmp_path, monkeypatch):
    """Whatever ends the process, nothing is left."""
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    held = Aside(small=0).put(np.zeros(10))
    assert list(tmp_path.iterdir()) == []
    assert held.sum() == 0


def test_no_room_is_said_before_anything_is_written(monkeypatch):
    """A file with holes would end the process at the first write into one."""

    def full(number: int, start: int, size: int) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "posix_fallocate", full)
    with pytest.raises(UsageError, match=r"no room to put 7.8 KiB aside in .*No space left.*set TMPDIR"):
        Aside(small=0).put(np.zeros(1000))
