"""The plain layouts of one array in another's shape, the plainest first."""

import numpy as np
import pytest

from compare.weights.mapping.plain_layouts import MOST, others, plain_layouts
from compare.weights.weights import WeightMap


@pytest.mark.parametrize(
    ("shape", "own", "layouts"),
    [
        ((4, 4), (4, 4), ["same", "transpose (1, 0)"]),
        ((3, 4), (3, 4), ["same"]),
        ((3, 4), (4, 3), ["transpose (1, 0)"]),
        ((4,), (4,), ["same"]),
        ((1, 4), (4,), ["reshape (4)"]),
        ((3, 1, 2), (2, 3), ["reshape (3, 2), transpose (1, 0)"]),
        ((3, 4), (6, 2), []),
        ((), (), ["same"]),
    ],
)
def test_axes_are_laid_along_axes_of_their_size(shape, own, layouts):
    lines = plain_layouts("w", shape, "params/w", own, "why")
    assert [line.layout for line in lines] == layouts
    array = np.arange(np.prod(shape)).reshape(shape)
    for line in lines:
        weight_map = WeightMap(line)
        weight_map.check({"w": shape}, {"params/w": own})
        (leaf,) = weight_map.to_port({"w": array}, {"params/w": own}).values()
        assert sorted(leaf.ravel()) == sorted(array.ravel())


def test_there_are_not_too_many():
    assert len(plain_layouts("w", (2,) * 5, "params/w", (2,) * 5, "")) == MOST


def test_a_line_has_the_others_beside_it():
    first, second = plain_layouts("w", (4, 4), "params/w", (4, 4), "")
    assert others(first, (4, 4), (4, 4)) == [second]
    assert others(second, (4, 4), (4, 4)) == [first]
