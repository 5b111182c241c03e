"""Arrays put aside in a file: the same bits back, and nothing left behind."""

import os
import tempfile

import ml_dtypes
import numpy as np
import pytest

from compare.arrays import pile
from compare.arrays.pile import Pile
from compare.errors import UsageError

ARRAYS = [
    np.array([1.5, np.nan, np.inf, -0.0]),
    np.arange(6, dtype=np.float32).reshape(2, 3).T,
    np.arange(4)[::2],
    np.array([True, False]),
    np.array(2.0 + 1j),
    np.zeros((0, 3)),
    np.array([1, 2], ml_dtypes.bfloat16),
]


@pytest.mark.parametrize("mapped", [0, 1 << 16])
def test_the_same_bits_come_back(mapped, monkeypatch):
    """Every dtype and layout, read or mapped, in whatever order it is asked for, and read-only."""
    monkeypatch.setattr(pile, "MAPPED", mapped or 1)
    own = Pile()
    places = [own.put(array) for array in ARRAYS]
    for place, array in reversed([*zip(places, ARRAYS, strict=True)]):
        back = own.get(place)
        assert (back.dtype, back.shape, back.flags.writeable) == (array.dtype, array.shape, False)
        np.testing.assert_array_equal(back, array)


def test_nobody_else_sees_the_file(tmp_path, monkeypatch):
    """It has no name, so that the system takes it back whatever ends the process."""
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    own = Pile()
    own.put(np.zeros(1000))
    assert not [*tmp_path.iterdir()]


def test_a_full_disk_is_one_line(monkeypatch):
    """With what can be done."""
    if not os.path.exists("/dev/full"):
        pytest.skip("no device that is always full")
    full = open("/dev/full", "r+b", buffering=0)  # noqa: SIM115  # the pile closes it
    monkeypatch.setattr(pile.tempfile, "TemporaryFile", lambda **given: full)
    with pytest.raises(UsageError, match=r"8000 bytes more .*set TMPDIR"):
        Pile().put(np.zeros(1000))
