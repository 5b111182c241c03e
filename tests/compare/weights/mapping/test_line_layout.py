"""A line from two units: its views show the same numbers, and carry them there and back."""

import numpy as np
import pytest

from compare.errors import UsageError
from compare.weights.mapping.atoms import Atom
from compare.weights.mapping.line_layout import entry_of
from compare.weights.mapping.units import Factor, Unit
from compare.weights.mapping.walk import Walk
from compare.weights.weights import WeightMap


def unit(leaf, *axes, kind="matrix"):
    """A unit from its axes: each (role, size), or (role, size, more) with what else the factor has."""
    factors = [Factor(Atom(size), size, role=role, **dict(*more)) for role, size, *more in axes]
    return Unit(leaf, tuple(size for _, size, *_ in axes), factors, kind)


def carried(*pairs):
    """Numbers 0, 1, 2 ... carried from the reference's arrays to the port's, and found again on the way back."""
    weight_map = WeightMap([entry_of(one, two, "by name") for one, two in pairs])
    shapes = {one.leaf: one.shape for one, _ in pairs}
    leaves = {two.leaf: two.shape for _, two in pairs}
    weight_map.check(shapes, leaves)
    start = 0
    arrays = {}
    for name, shape in shapes.items():
        arrays[name] = np.arange(start, start + np.prod(shape), dtype=np.float32).reshape(shape)
        start += arrays[name].size
    moved = weight_map.to_port(arrays, leaves)
    back = weight_map.to_reference(moved, shapes)
    assert all(np.array_equal(back[name], array) for name, array in arrays.items())
    return arrays, moved, weight_map.entries


def test_a_square_matrix_is_turned_by_its_roles_alone():
    arrays, moved, (line,) = carried((unit("w", ("out", 3), ("in", 3)), unit("k", ("in", 3), ("out", 3))))
    assert np.array_equal(moved["k"], arrays["w"].T)
    assert line.layout == "transpose (1, 0)"
    assert line.reason == "(out, in) here, (in, out) there; by name"
    arrays, moved, (line,) = carried((unit("w", ("out", 3), ("in", 3)), unit("k", ("out", 3), ("in", 3))))
    assert np.array_equal(moved["k"], arrays["w"])
    assert line.layout == "same"


def test_axes_of_one_role_go_by_rank():
    one = unit("w", ("out", 3), ("in", 2), ("space", 5), ("space", 5, {"rank": 1}), kind="conv")
    two = unit("k", ("space", 5), ("space", 5, {"rank": 1}), ("in", 2), ("out", 3), kind="conv")
    arrays, moved, (line,) = carried((one, two))
    assert np.array_equal(moved["k"], arrays["w"].transpose(2, 3, 1, 0))
    assert line.reason.startswith("a kernel's axes by what they do")
    two = unit("k", ("space", 5, {"rank": 1}), ("space", 5), ("in", 2), ("out", 3), kind="conv")
    arrays, moved, _ = carried((one, two))
    assert np.array_equal(moved["k"], arrays["w"].transpose(3, 2, 1, 0))


def test_a_kernel_turned_round_on_one_side_is_flipped():
    one = unit("w", ("in", 2), ("out", 3), ("space", 4, {"flipped": True}), kind="conv")
    two = unit("k", ("space", 4), ("in", 2), ("out", 3), kind="conv")
    arrays, moved, (line,) = carried((one, two))
    assert np.array_equal(moved["k"], arrays["w"].transpose(2, 0, 1)[::-1])
    assert "turns its kernel round" in line.reason
    both = unit("k", ("space", 4, {"flipped": True}), ("in", 2), ("out", 3), kind="conv")
    arrays, moved, _ = carried((one, both))
    assert np.array_equal(moved["k"], arrays["w"].transpose(2, 0, 1))


def test_axes_of_one_entry_have_no_role_and_find_a_place():
    one, two = Unit("w", (4, 1, 3), _factors("out", 4, "in", 3)), Unit("k", (1, 3, 4), _factors("in", 3, "out", 4))
    arrays, moved, (line,) = carried((one, two))
    assert np.array_equal(moved["k"], arrays["w"].transpose(1, 2, 0))
    assert line.layout == "transpose (1, 2, 0)"


def _factors(*said):
    return [Factor(Atom(size), size, role=role) for role, size in zip(said[::2], said[1::2], strict=True)]


def test_heads_apart_on_one_side_are_a_reshape():
    one = Unit("w", (6, 4), _factors("out", 6, "in", 4), "matrix")
    two = unit("k", ("in", 4), ("out", 2), ("out", 3, {"rank": 1}))
    arrays, moved, _ = carried((one, two))
    assert np.array_equal(moved["k"], arrays["w"].T.reshape(4, 2, 3))


def test_a_flattened_image_is_permuted_by_its_labels():
    def flat(leaf, sizes, labels):
        axis = Atom(24)
        axis._parts = [Atom(size, label) for size, label in zip(sizes, labels, strict=True)]
        return Unit(leaf, (24, 5), [Factor(axis, 24, role="in"), Factor(Atom(5), 5, role="out")], "matrix")

    one, two = flat("w", (2, 3, 4), ("c", "s0", "s1")), flat("k", (3, 4, 2), ("s0", "s1", "c"))
    arrays, moved, (line,) = carried((one, two))
    assert np.array_equal(moved["k"], arrays["w"].reshape(2, 3, 4, 5).transpose(1, 2, 0, 3).reshape(24, 5))
    assert "flattened (C, H, W) here, (H, W, C) there" in line.reason
    arrays, moved, (line,) = carried((one, flat("k", (2, 3, 4), ("c", "s0", "s1"))))
    assert (line.layout, "flattened" in line.reason) == ("same", False)


def piece(start, size, full=6):
    """Rows ``start`` to ``start + size`` of a weight (full, 4)."""
    factors = [Factor(Atom(size), full, start, "out"), Factor(Atom(4), 4, role="in")]
    return Unit("w", (full, 4), factors, "matrix")


def test_pieces_of_a_packed_matrix_go_to_a_leaf_each():
    pairs = [(piece(2 * at, 2), unit(name, ("in", 4), ("out", 2))) for at, name in enumerate("qkv")]
    arrays, moved, lines = carried(*pairs)
    for at, name in enumerate("qkv"):
        assert np.array_equal(moved[name], arrays["w"][2 * at : 2 * at + 2].T)
    assert lines[1].layout == "slice (0, 2, 4), transpose (1, 0)"


def test_a_single_row_and_a_range_split_further():
    arrays, moved, _ = carried((piece(0, 1), unit("a", ("in", 4))), (piece(1, 5), unit("b", ("in", 4), ("out", 5))))
    assert np.array_equal(moved["a"], arrays["w"][0])
    assert np.array_equal(moved["b"], arrays["w"][1:].T)
    heads = unit("b", ("in", 4), ("out", 2), ("out", 3, {"rank": 1}))
    arrays, moved, _ = carried((piece(0, 6, 12), unit("a", ("in", 4), ("out", 6))), (piece(6, 6, 12), heads))
    assert np.array_equal(moved["b"], arrays["w"][6:].T.reshape(4, 2, 3))


def test_a_piece_that_no_view_shows_is_refused():
    heads = unit("b", ("in", 4), ("out", 2), ("out", 2, {"rank": 1}))
    with pytest.raises(UsageError, match="w falls into pieces that its axes cannot show"):
        entry_of(piece(1, 4), heads, "")


@pytest.mark.parametrize(
    ("one", "two", "told"),
    [
        ((("out", 6), ("in", 4)), (("in", 4), ("out", 5)), "the axes of w and k do not fit each other"),
        ((("out", 6), ("in", 4)), (("in", 4), ("out", 12)), "w and k are of different size"),
    ],
)
def test_what_does_not_fit_is_refused(one, two, told):
    with pytest.raises(UsageError, match=told):
        entry_of(unit("w", *one), unit("k", *two), "")


def test_what_is_used_in_different_ways_is_laid_as_it_lies_in_memory():
    one = unit("w", ("in", 6), ("out", 4), kind="table")
    two = unit("k", ("along", 2), ("along", 3, {"rank": 1}), ("along", 4, {"rank": 2}), kind="shift")
    arrays, moved, _ = carried((one, two))
    assert np.array_equal(moved["k"], arrays["w"].reshape(2, 3, 4))


def test_a_line_of_two_walked_layers():
    here, there = Walk(), Walk()
    here.dot(here.input((2, 3)), here.weight("w", (5, 3)), [(1, 1)], [])
    there.dot(there.input((2, 3)), there.weight("k", (3, 5)), [(1, 0)], [])
    arrays, moved, _ = carried((here.units["w"], there.units["k"]))
    assert np.array_equal(moved["k"], arrays["w"].T)
