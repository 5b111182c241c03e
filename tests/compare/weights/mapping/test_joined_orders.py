"""Both sides join the same parts in another order: their sizes tell it, and the lines of the port's order follow."""

import numpy as np
import pytest

from compare.weights.mapping.joined_orders import joined_order, joined_otherwise
from compare.weights.mapping.paired import arrays_of
from compare.weights.mapping.walk import Walk
from compare.weights.weights import WeightMap
from tests.compare.weights.mapping.hand import dense

PARTS = {"a": 3, "b": 1, "c": 3}


def over(order, name, out_first):
    """A kernel over inputs that are joined in an order; alone, its array."""
    walk = Walk()
    x = walk.concatenate([walk.input((2, PARTS[one])) for one in order], 1, (2, sum(map(PARTS.get, order))))
    dense(walk, x, name, out_first=out_first)
    (array,) = arrays_of(walk, {name: False})
    return array


@pytest.mark.parametrize(
    ("mine", "theirs", "rows"),
    [
        ("ab", "ba", [3, 0, 1, 2]),
        ("abc", "cab", [0, 1, 2, 4, 5, 6, 3]),  # of one size: each in its place among them
    ],
)
def test_the_parts_of_one_size_are_each_other(mine, theirs, rows):
    one, other = over(mine, "f.w", True), over(theirs, "params/f/k", False)
    made = joined_order({one: other})
    weight = np.arange(4.0 * len(rows)).reshape(4, len(rows))
    port = WeightMap(made["f.w"]).to_port({"f.w": weight}, {"params/f/k": (len(rows), 4)})
    np.testing.assert_array_equal(port["params/f/k"], weight.T[rows])


@pytest.mark.parametrize(("mine", "theirs"), [("ab", "ab"), ("ac", "ca"), ("a", "a"), ("ab", "cb")])
def test_the_same_order_or_parts_that_no_size_tells_are_as_they_are(mine, theirs):
    one, other = over(mine, "f.w", True), over(theirs, "params/f/k", False)
    assert joined_otherwise(one.unit, other.unit) is None
    assert joined_order({one: other}) == {}
