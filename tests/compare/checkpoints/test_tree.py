"""Nested variables and flat names are each other's inverse, and nothing is lost without a word."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from compare.checkpoints.checkpoint import UnsoundError
from compare.checkpoints.tree import LEFT_OUT, flatten, nest

KEYS = st.text(st.characters(exclude_characters="/", exclude_categories=("Cs",)), min_size=1, max_size=4)
TREES = st.dictionaries(
    KEYS, st.recursive(st.builds(np.int8, st.integers(0, 9)), lambda inner: st.dictionaries(KEYS, inner, min_size=1))
)


@given(TREES)
def test_there_and_back(tree):
    """Names, order and values of any tree without empty branches."""
    arrays, notes = flatten(tree)
    again = nest(arrays)
    assert again == tree
    assert list(flatten(again)[0]) == list(arrays)
    assert notes == {}


def test_lists_numbers_and_others():
    """Lists count from 0, NNX's whole-number keys are digits, Python's numbers are arrays, the rest is named."""
    tree = {"layers": {0: {"w": np.ones(2)}, 10: (np.zeros(1), None)}, "step": 3, "note": "hi", "none": {}, "x": [True]}
    arrays, notes = flatten(tree)
    assert {name: (array.dtype.name, array.shape) for name, array in arrays.items()} == {
        "layers/0/w": ("float64", (2,)),
        "layers/10/0": ("float64", (1,)),
        "step": ("int64", ()),
        "x/0": ("bool", ()),
    }
    assert notes == {LEFT_OUT: "layers/10/1, note"}


@pytest.mark.parametrize(
    "tree",
    [{"a/b": np.ones(1)}, {"": np.ones(1)}, {0: 1, "0": 2}, {True: 1}, {("a",): 1}, np.ones(3), 5, {"a": 2**70}],
    ids=str,
)
def test_trees_that_have_no_flat_names(tree):
    """A slash or nothing as a key, equal names, other keys, no dictionary, a number that no array holds."""
    with pytest.raises(UnsoundError):
        flatten(tree)


@pytest.mark.parametrize("names", [["a", "a/b"], ["a/b", "a"], ["a//b"], ["/a"], ["a/"], ["a/b/c", "a/b"]])
def test_names_that_cannot_be_nested(names):
    """A leaf that is a branch too, and empty parts."""
    with pytest.raises(UnsoundError):
        nest({name: np.ones(1) for name in names})
