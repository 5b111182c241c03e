"""What counts as an array of weights, as a name, and as whose they are."""

import ml_dtypes
import numpy as np
import pytest

from compare.checkpoints.checkpoint import DTYPES, EXTENDED, Checkpoint, UnsoundError, joined, plain, side_of, sound


def test_the_kinds_are_told_apart():
    """NumPy's own are not extended; bfloat16 and every float8 are."""
    assert {"bool", "int8", "uint64", "float16", "complex128", "bfloat16", "float8_e4m3fn", "float8_e5m2"} < set(DTYPES)
    assert {name for name in DTYPES if name.startswith(("bfloat", "float8"))} == EXTENDED
    assert all(np.dtype(name) == dtype for name, dtype in DTYPES.items() if name not in EXTENDED)


@pytest.mark.parametrize("array", [np.ones((2, 3)).T, np.ones(6)[::-2], np.arange(3, dtype=">i2"), np.array(2, ">f4")])
def test_plain_keeps_values_and_shape(array):
    """Layout and byte order change, nothing else; an array without axes does not gain one."""
    made = plain("w", array)
    assert made.flags.c_contiguous
    assert made.dtype.isnative
    np.testing.assert_array_equal(made, array)
    assert made.shape == array.shape


@pytest.mark.parametrize(
    ("bad", "said"),
    [
        (np.array([None]), "Python objects"),
        (np.array(["a"]), "<U1"),
        (np.zeros(1, "V2"), "forgets bfloat16"),
        (np.zeros(1, "M8[s]"), "datetime64"),
        (np.array([1, 2], np.uint8).view(bool), "neither true nor false"),
        (np.zeros(1, np.longdouble), "longdouble|float128"),
        (np.zeros(1, ml_dtypes.int4), "int4"),
        (np.zeros(1, [("f4", "f4")]), "f4"),
    ],
    ids=str,
)
def test_plain_refuses_what_no_weight_is(bad, said):
    """Each by the name of the array."""
    with pytest.raises(UnsoundError, match=said):
        plain("w", bad)


def test_tied_arrays_stay_one():
    """One object under two names comes out as one object, copied or not."""
    weight = np.ones((2, 3)).T
    made = sound(Checkpoint("reference", "npz", {"a": weight, "b": weight, "c": weight.copy()})).arrays
    assert made["a"] is made["b"]
    assert made["a"] is not made["c"]


@pytest.mark.parametrize(
    ("side", "arrays", "metadata"),
    [("torch", {}, {}), ("port", {}, {"k": 3}), ("port", {}, {3: "v"}), ("port", {"\udfff": np.ones(1)}, {})],
)
def test_sound_refuses(side, arrays, metadata):
    """Another side, metadata that is no text, names that no file can hold."""
    with pytest.raises(UnsoundError):
        sound(Checkpoint(side, "npz", arrays, metadata))


def test_sides_are_told_by_slashes():
    """One slash makes a port; no names at all are a state_dict's."""
    assert side_of(["params/w", "b"]) == "port"
    assert side_of(["layer.0.weight"]) == side_of([]) == "reference"


def test_long_lists_are_cut():
    """Five and a count."""
    assert joined(range(7)) == "0, 1, 2, 3, 4 and 2 more"
    assert joined("ab") == "a, b"
