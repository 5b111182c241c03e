"""What each array of either side should be, of what it is made, and how that lies on the other side."""

import numpy as np

from compare.arrays.views import View, reshaped, transposed
from compare.weights.entry import Entry
from compare.weights.own.expected_lines import expected_of_port, expected_of_reference
from compare.weights.weights import WeightMap

RNG = np.random.default_rng(0)
ARRAYS = {
    name: RNG.standard_normal(shape) for name, shape in (("qkv", (6, 4)), ("head", (3, 8)), ("a", (5,)), ("b", (5,)))
}
SHAPES = {name: array.shape for name, array in ARRAYS.items()}
FLATTEN = View((("reshape", (3, 2, 4)), ("transpose", (2, 1, 0))))
MAP = WeightMap(
    *(
        Entry("qkv", f"params/{name}", View((("slice", (0, 2 * at, 2 * at + 2)), ("transpose", (1, 0)))))
        for at, name in enumerate("qkv")
    ),
    Entry("head", "params/head", FLATTEN, reshaped(4, 2, 3), flattened=("(C, W)", "(W, C)")),
    Entry("a", "params/sum"),
    Entry("b", "params/sum", summed=True),
)
LEAVES = {**{f"params/{name}": (4, 2) for name in "qkv"}, "params/head": (8, 3), "params/sum": (5,)}


def test_of_the_port():
    """A part's own memory, the names of the factors, a sum without either of its two."""
    lines = expected_of_port(MAP, ARRAYS, SHAPES, LEAVES)
    np.testing.assert_array_equal(lines["params/k"].array, ARRAYS["qkv"][2:4].T)
    np.testing.assert_array_equal(lines["params/k"].raw, ARRAYS["qkv"][2:4])
    assert lines["params/head"].raw is ARRAYS["head"]
    assert lines["params/head"].orders == {(4, 2): ("(W, C)", "(C, W)")}
    assert [*lines["params/sum"].sources] == ["a", "b"]
    np.testing.assert_array_equal(lines["params/sum"].summands["a"], ARRAYS["b"])
    np.testing.assert_array_equal(lines["params/sum"].summands["b"], ARRAYS["a"])


def test_of_the_reference():
    """Packed of three: each part by its source; of a sum, all of it and zero."""
    leaves = MAP.to_port(ARRAYS, LEAVES)
    lines = expected_of_reference(MAP, leaves, SHAPES, LEAVES)
    np.testing.assert_array_equal(lines["qkv"].array, ARRAYS["qkv"])
    assert [*lines["qkv"].sources] == ["params/q", "params/k", "params/v"]
    np.testing.assert_array_equal(lines["qkv"].parts["params/v"].of(ARRAYS["qkv"]), ARRAYS["qkv"][4:].T)
    assert lines["head"].orders == {(2, 4): ("(C, W)", "(W, C)")}
    np.testing.assert_array_equal(lines["a"].array, ARRAYS["a"] + ARRAYS["b"])
    assert not lines["b"].array.any()


def test_transposed_alone_the_memory_is_the_whole_array():
    lines = expected_of_port(
        WeightMap(Entry("w", "params/w", transposed(1, 0))), {"w": np.ones((2, 3))}, {"w": (2, 3)}, {"params/w": (3, 2)}
    )
    raw = lines["params/w"].raw
    assert raw is not None
    assert raw.shape == (2, 3)
