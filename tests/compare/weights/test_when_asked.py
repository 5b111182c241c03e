"""Array by array is what the whole map makes at once: sums, joined arrays and what is held twice included."""

import numpy as np
import pytest

from compare.arrays.views import View, transposed
from compare.weights.entry import Entry
from compare.weights.weights import WeightMap
from compare.weights.when_asked import arrays_made, leaves_made, of_each_array, of_each_leaf

RNG = np.random.default_rng(0)
MAP = WeightMap(
    Entry("w", "params/w", transposed(1, 0)),
    *(Entry("qkv", f"params/{name}", View((("slice", (0, 2 * at, 2 * at + 2)),))) for at, name in enumerate("qkv")),
    *(Entry(f"layer.{at}", "params/stacked", View(), View((("index", (0, at)),))) for at in range(2)),
    Entry("a", "params/sum"),
    Entry("b", "params/sum", summed=True),
    Entry("w", "params/again", tied=True),
    Entry("scale", "params/scale", offset=-1.0),
)
SHAPES = {"w": (2, 3), "qkv": (6, 4), "layer.0": (3,), "layer.1": (3,), "a": (5,), "b": (5,), "scale": (2,)}
ARRAYS = {name: RNG.standard_normal(shape) for name, shape in SHAPES.items()}
LEAVES = {
    **{"params/w": (3, 2), "params/stacked": (2, 3), "params/sum": (5,), "params/again": (2, 3), "params/scale": (2,)},
    **{f"params/{name}": (2, 4) for name in "qkv"},
}


def test_a_leaf_at_a_time():
    """The same leaves, whichever is asked for first."""
    whole, made = MAP.to_port(ARRAYS, LEAVES), leaves_made(MAP, ARRAYS, LEAVES)
    assert set(made) == set(whole)
    for path in reversed([*made]):
        np.testing.assert_array_equal(made[path], whole[path])


def test_an_array_at_a_time():
    """The same arrays: of a sum the first has all of it."""
    leaves = MAP.to_port(ARRAYS, LEAVES)
    whole, made = MAP.to_reference(leaves, SHAPES, values=True), arrays_made(MAP, leaves, SHAPES)
    assert set(made) == set(whole)
    for name in reversed([*made]):
        np.testing.assert_array_equal(made[name], whole[name])
    np.testing.assert_array_equal(made["a"], ARRAYS["a"] + ARRAYS["b"])


def test_only_what_an_array_is_made_of_is_looked_at():
    """So that a file's other arrays stay where they are."""
    assert of_each_leaf(MAP)["params/stacked"].references == ("layer.0", "layer.1")
    assert of_each_array(MAP)["w"].ports == ("params/w",)
    assert leaves_made(MAP, {"w": ARRAYS["w"]}, LEAVES)["params/w"].shape == (3, 2)
    with pytest.raises(KeyError):
        leaves_made(MAP, {}, LEAVES)["params/w"]
