"""Arrays put aside: the same bits back, and no file left behind."""

import gc
import weakref
from types import SimpleNamespace

import numpy as np
import pytest

from compare.arrays.aside import is_aside
from compare.sides import shelf
from compare.sides.shelf import Growing, Shelf, let_go, make_room, put_aside

ARRAYS = {
    "output/0": np.array([1.5, np.nan, np.inf, -0.0]),
    "grad/input.x": np.arange(6, dtype=np.float32).reshape(2, 3).T,
    "ids": np.arange(4),
    "mask": np.array([True, False]),
    "loss": np.array(2.0),
    "empty": np.zeros((0, 3)),
}
SIZE = sum(array.nbytes for array in ARRAYS.values())


def test_the_same_bits_come_back():
    """Every dtype and layout, whatever is in a name."""
    shelved = Shelf(ARRAYS)
    assert list(shelved) == list(ARRAYS)
    assert len(shelved) == len(ARRAYS)
    for name, array in ARRAYS.items():
        np.testing.assert_array_equal(shelved[name], array)
        assert shelved[name].dtype == array.dtype
    assert "other" not in shelved
    with pytest.raises(KeyError):
        shelved["other"]


def test_only_large_runs_are_put_aside(monkeypatch):
    """Small ones stay as they are: no disk is touched."""
    assert put_aside(ARRAYS) is ARRAYS
    monkeypatch.setattr(shelf, "LARGE", SIZE)
    assert isinstance(put_aside(ARRAYS), Shelf)
    monkeypatch.setattr(shelf, "LARGE", shelf.LARGE + 1)
    assert put_aside(ARRAYS) is ARRAYS
    monkeypatch.setattr(shelf, "LARGE", 1)
    assert put_aside(already := Shelf(ARRAYS)) is already


@pytest.mark.parametrize(("large", "kind"), [(SIZE + 1, dict), (SIZE, Shelf), (1, Shelf)])
def test_what_a_run_makes_is_put_aside_as_it_grows(large, kind, monkeypatch):
    """From where it is large on; the same bits in the same order."""
    monkeypatch.setattr(shelf, "LARGE", large)
    growing = Growing()
    for name, array in ARRAYS.items():
        growing.add({name: array})
    assert isinstance(growing.arrays, kind)
    assert list(growing.arrays) == list(ARRAYS)
    for name, array in ARRAYS.items():
        np.testing.assert_array_equal(growing.arrays[name], array)


def test_a_change_after_it_was_put_aside_does_not_reach_it():
    """What is read is what was written then."""
    own = {"a": np.zeros(3)}
    shelved = Shelf(own)
    own["a"][:] = 1
    np.testing.assert_array_equal(shelved["a"], np.zeros(3))


def test_what_is_read_takes_no_memory_and_outlives_the_shelf():
    """On the disk, read-only, whole even once the shelf is gone and another lies there."""
    shelved = Shelf(ARRAYS)
    read = dict(shelved)
    del shelved
    gc.collect()
    Shelf({name: np.ones_like(array) for name, array in ARRAYS.items()})
    for name, array in ARRAYS.items():
        assert is_aside(read[name]) or not array.size
        assert not read[name].flags.writeable
        np.testing.assert_array_equal(read[name], array)


@pytest.mark.parametrize("spare", [0, 1])
def test_what_a_large_run_leaves_in_a_cycle_goes_with_it(monkeypatch, spare):
    """After a small one the search is not worth its time."""

    class Holder:
        pass

    monkeypatch.setattr(shelf, "LARGE", SIZE + spare)
    holder = Holder()
    holder.itself = holder
    held = weakref.ref(holder)
    gc.disable()
    try:
        del holder
        let_go(ARRAYS)
        assert (held() is None) == (spare == 0)
    finally:
        gc.enable()


@pytest.mark.parametrize("spare", [0, 1])
def test_room_is_made_for_large_weights_only(monkeypatch, spare):
    """By asking the C library, and not at all where it cannot be asked."""
    asked = []
    monkeypatch.setattr(shelf, "LARGE", SIZE + spare)
    monkeypatch.setattr(shelf.ctypes, "CDLL", lambda name: SimpleNamespace(malloc_trim=asked.append))
    make_room(ARRAYS)
    assert asked == ([0] if spare == 0 else [])
    monkeypatch.setattr(shelf.ctypes, "CDLL", lambda name: SimpleNamespace())
    make_room(ARRAYS)
