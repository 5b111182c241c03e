"""What products, convolutions and tables say of the weights that enter them."""

import pytest

from compare.weights.mapping.atoms import finest
from compare.weights.mapping.walk import Walk
from tests.compare.weights.mapping.hand import dense, roles, same_atoms, sound


def labels(value):
    return [{atom.label for atom in finest(axis)} for axis in value.axes]


def test_a_product_gives_roles_and_lays_what_is_summed_along():
    walk = Walk()
    x, w = walk.input((2, 3, 4)), walk.weight("w", (5, 2, 4))
    y = walk.dot(x, w, [(2, 2)], [(0, 1)])
    assert sound(y, (2, 3, 5))
    assert roles(walk.units["w"]) == [("out", 5), ("group", 2), ("in", 4)]
    assert same_atoms(x.axes[2], w.axes[2])
    assert same_atoms(y.axes[2], w.axes[0])
    assert y.last == {0}


def test_contracted_axes_are_ranked_as_the_activation_has_them():
    walk = Walk()
    x, w = walk.input((2, 3, 4)), walk.weight("w", (4, 3, 5))
    walk.dot(w, x, [(0, 2), (1, 1)], [])
    ranks = {factor.size: factor.rank for factor in walk.units["w"].factors if factor.role == "in"}
    assert ranks == {3: 0, 4: 1}


def test_what_meets_an_activation_later_is_told_by_that():
    """A matrix that is divided by its norm, which other weights make: the axis that is summed there says nothing."""
    walk = Walk()
    x, w, u = walk.input((3, 6)), walk.weight("w", (4, 6)), walk.weight("u", (4,))
    norm = walk.dot(u, w, [(0, 0)], [])
    assert roles(walk.units["w"]) == [("in", 4), ("out", 6)]
    divided = walk.elementwise("div", [w, walk.reduce(norm, [0])], (4, 6))
    walk.dot(x, divided, [(1, 1)], [])
    assert roles(walk.units["w"]) == [("out", 4), ("in", 6)]
    assert walk.units["w"].uses == [2]
    assert walk.units["u"].uses == [0]


def test_a_product_of_weights_alone_is_no_use_of_an_activation():
    walk = Walk()
    u, v, x = walk.weight("u", (4, 2)), walk.weight("v", (2, 4)), walk.input((3, 4))
    both = walk.dot(u, v, [(1, 0)], [])
    assert (both.moving, both.fixed, both.units) == (False, True, ())
    zeros = walk.dot(walk.constant((3, 4)), u, [(1, 0)], [])
    assert zeros.moving, "the zeros a cell starts from count as an activation"
    assert walk.dot(x, both, [(1, 0)], []).moving


def test_uses_know_what_came_before_and_what_becomes_of_them():
    walk = Walk()
    x = walk.input((2, 4))
    a = dense(walk, x, "a")
    b = dense(walk, walk.elementwise("tanh", [a], a.shape), "b")
    c = dense(walk, x, "c")
    walk.elementwise("add", [walk.elementwise("exp", [b], b.shape), c], b.shape)
    uses = {use.unit.leaf: use for use in walk.uses}
    assert {name: set(use.before) for name, use in uses.items()} == {"a": set(), "b": {0}, "c": set()}
    assert {name: use.after for name, use in uses.items()} == {"a": {1}, "b": set(), "c": set()}
    assert {name: use.fate for name, use in uses.items()} == {"a": {"tanh"}, "b": {"exp"}, "c": set()}


@pytest.mark.parametrize("transposed", [False, True])
@pytest.mark.parametrize("groups", [1, 2])
def test_a_convolution_labels_and_gives_roles(groups, transposed):
    walk = Walk()
    x = walk.input((2, 4, 5, 6))
    kernel = walk.weight("k", (4, 4 // groups, 3, 3))
    specs = ((0, 1, 2, 3), (1, 0, 2, 3) if transposed else (0, 1, 2, 3), (0, 1, 2, 3))
    y = walk.conv(x, kernel, specs, (2, 4 // groups * groups, 3, 4), groups, transposed)
    assert labels(x) == labels(y) == [{"b"}, {"c"}, {"s0"}, {"s1"}]
    assert sound(y, (2, 4, 3, 4))
    first, second = ("in", "out") if transposed else ("out", "in")
    head = [(first, 4)] if groups == 1 else [("group", 2), (first, 2)]
    assert roles(walk.units["k"]) == [*head, (second, 4 // groups), ("space", 3), ("space", 3)]
    ranks = [factor.rank for factor in walk.units["k"].factors if factor.role == "space"]
    assert ranks == [0, 1]
    assert [factor.flipped for factor in walk.units["k"].factors][-2:] == [transposed] * 2


def test_a_sequence_walked_from_its_end_marks_what_it_meets():
    walk = Walk()
    dense(walk, walk.backwards(walk.input((2, 4))), "w")
    dense(walk, walk.input((2, 4)), "v")
    assert [set(walk.units[name].hints) for name in "wv"] == [{"reversed"}, set()]


def test_rows_taken_from_a_table_have_the_tables_columns():
    walk = Walk()
    table, picks = walk.weight("t", (7, 4)), walk.input((2, 3))
    rows = walk.take(table, picks, [0], (2, 3, 4))
    assert sound(rows, (2, 3, 4))
    assert roles(walk.units["t"]) == [("in", 7), ("out", 4)]
    assert same_atoms(rows.axes[2], table.axes[1])
    assert same_atoms(rows.axes[1], picks.axes[1])
    assert rows.last == {0}


def test_a_product_with_what_does_not_move_leaves_an_axis_what_it_is():
    walk = Walk()
    x = walk.input((2, 3, 4))
    x.axes[2][0].mark("s0")
    resized = walk.dot(x, walk.constant((4, 7)), [(2, 0)], [])
    assert labels(resized) == [{None}, {None}, {"s0"}]
    among_moving = walk.dot(x, walk.input((4, 7)), [(2, 0)], [])
    assert labels(among_moving)[2] == {None}
    of_several = walk.dot(x, walk.constant((4, 7, 5)), [(2, 0)], [])
    assert labels(of_several)[2:] == [{None}, {None}]


def test_entries_picked_along_one_axis_are_still_of_that_axis():
    walk = Walk()
    x, picks = walk.input((2, 3, 4)), walk.input((6,))
    x.axes[1][0].mark("s0")
    y = walk.picked(x, picks, {0: 0, 2: 2}, [1], (2, 6, 4))
    assert sound(y, (2, 6, 4))
    assert same_atoms(y.axes[2], x.axes[2])
    assert not same_atoms(y.axes[1], x.axes[1])
    assert labels(y)[1] == {"s0"}
