"""The weight map: there and back without a bit lost, and strict both ways."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from compare.errors import UsageError
from compare.weights import WeightMap, linear, same, uniform_fan_in

SHAPES = {"net.1.weight": (5, 7), "net.1.bias": (5,), "net.3.weight": (5, 5), "net.3.bias": (5,)}
MAP = WeightMap(linear("net.1", "Dense_0"), linear("net.3", "block/Dense_1"))


def arrays(seed: int = 0) -> dict[str, np.ndarray]:
    return uniform_fan_in(SHAPES, np.random.default_rng(seed))


@given(st.integers(0, 1 << 30))
def test_there_and_back_is_bit_identical(seed):
    """The two directions are inverse, and the port's arrays are C-contiguous copies."""
    given_ = arrays(seed)
    tree = MAP.to_port(given_)
    back = MAP.to_reference(tree)
    assert list(back) == list(given_)
    for name, array in given_.items():
        np.testing.assert_array_equal(back[name], array)
    assert tree["Dense_0"]["kernel"].shape == (7, 5)
    assert tree["Dense_0"]["kernel"].flags.c_contiguous


def test_a_square_matrix_is_transposed_because_of_its_layer():
    """Shape alone could not tell: Linear's (out, in) becomes Dense's (in, out)."""
    given_ = arrays()
    np.testing.assert_array_equal(MAP.to_port(given_)["block"]["Dense_1"]["kernel"], given_["net.3.weight"].T)


@pytest.mark.parametrize(
    "change", [lambda a: a | {"net.5.weight": a["net.1.bias"]}, lambda a: {k: a[k] for k in list(a)[1:]}]
)
def test_nothing_is_left_over_or_missing_in_the_reference(change):
    """An array without an entry, or an entry without its array, is named."""
    with pytest.raises(UsageError, match=r"weight map: net\.[15]\.weight of the reference"):
        MAP.to_port(change(arrays()))


def test_nothing_is_left_over_or_missing_in_the_port():
    """A leaf the map does not know, or one it expects."""
    tree = MAP.to_port(arrays())
    with pytest.raises(UsageError, match="weight map: Dense_9/kernel of the port is in no entry"):
        MAP.to_reference(tree | {"Dense_9": {"kernel": np.ones(1)}})
    del tree["Dense_0"]["bias"]
    with pytest.raises(UsageError, match="weight map: Dense_0/bias of the port does not exist"):
        MAP.to_reference(tree)


def test_shapes_are_checked_against_the_port():
    """The port's own idea of a leaf's shape decides; the message has both."""
    tree = MAP.to_port(arrays())
    MAP.check_port(tree, arrays())
    tree["Dense_0"]["kernel"] = np.ones((5, 7))
    with pytest.raises(UsageError, match=r"Dense_0/kernel has shape \(5, 7\), the map gives it \(7, 5\)"):
        MAP.check_port(tree, arrays())


def test_every_line_is_explained():
    """Both names, the layout change, and a reason."""
    lines = WeightMap(linear("fc", "Dense_0"), same("b")).explain()
    assert lines[0] == "fc.weight -> Dense_0/kernel (transpose: Linear stores (out, in), Dense (in, out))"
    assert len(lines) == 3
    assert all(": " in line for line in lines)


def test_initial_weights_have_torchs_own_distribution():
    """U(-1/sqrt(fan_in), 1/sqrt(fan_in)), biases included, so that a forgotten bias shows."""
    drawn = uniform_fan_in({"w": (400, 100), "b": (400,)}, np.random.default_rng(0))
    for array in drawn.values():
        assert np.abs(array).max() <= 0.1
        assert np.abs(array).max() > 0.099
        assert array.std() == pytest.approx(0.1 / np.sqrt(3), rel=0.1)
