"""The record: roles come from the first use, every use has its place, pieces are told apart by their range."""

from compare.weights.mapping.units import IN, OUT
from compare.weights.mapping.walk import Walk
from tests.compare.weights.mapping.hand import dense, roles, same_atoms


def test_the_first_use_gives_the_roles_and_all_are_counted():
    walk = Walk()
    x = walk.input((2, 4))
    y = dense(walk, x, "w")
    dense(walk, y, "w", out_first=False)
    unit = walk.units["w"]
    assert roles(unit) == [("out", 4), ("in", 4)]
    assert unit.uses == [0, 1]
    assert [use.position for use in walk.uses] == [0, 1]
    assert walk.uses[1].before == {0}
    assert walk.uses[0].after == {1}


def test_ranks_follow_the_order_that_the_use_gives():
    walk = Walk()
    w, x = walk.weight("w", (2, 3, 5)), walk.input((2, 3))
    walk._use(w, "matrix", {0: IN, 1: IN, 2: OUT}, [x], order=[1, 0, 2])
    assert [(factor.role, factor.rank) for factor in walk.units["w"].factors] == [("in", 1), ("in", 0), ("out", 0)]


def test_an_axis_that_the_use_does_not_see_has_no_role():
    walk = Walk()
    w = walk.weight("w", (3, 4))
    row = walk.reshape(walk.cut(w, 0, 1, 2), (4,))
    walk.elementwise("add", [walk.input((2, 4)), row], (2, 4))
    (piece,) = walk.units["w"].pieces
    assert [(factor.role, factor.start, factor.size, factor.full) for factor in piece.factors] == [
        ("", 1, 1, 3),
        ("along", 0, 4, 4),
    ]


def test_a_piece_of_a_piece_starts_where_both_say():
    walk = Walk()
    w = walk.weight("w", (12, 4))
    part = walk.cut(walk.cut(w, 0, 4, 12), 0, 2, 5)
    unit = part.units[0][0]
    assert (unit.leaf, unit.factors[0].start, unit.factors[0].size, unit.factors[0].full) == ("w", 6, 3, 12)


def test_a_piece_has_atoms_of_its_own():
    walk = Walk()
    w = walk.weight("w", (6, 4))
    one, two = walk.cut(w, 0, 0, 3), walk.cut(w, 0, 3, 6)
    assert not same_atoms(one.axes[1], two.axes[1])
    x = walk.input((2, 4))
    walk.dot(x, one, [(1, 1)], [])
    assert same_atoms(x.axes[1], one.axes[1])
    assert not same_atoms(x.axes[1], w.axes[1])


def test_a_weight_used_as_a_whole_has_no_pieces_any_more():
    walk = Walk()
    w, x = walk.weight("w", (6, 4)), walk.input((2, 4))
    walk.dot(x, w, [(1, 1)], [])
    part = walk.cut(w, 0, 0, 3)
    assert not walk.units["w"].pieces
    assert part.shape == (3, 4)


def test_a_range_across_the_axes_of_a_flattened_weight_is_no_piece():
    walk = Walk()
    flat = walk.reshape(walk.weight("w", (3, 4)), (12,))
    walk.cut(flat, 0, 2, 7)
    assert not walk.units["w"].pieces
    walk.cut(flat, 0, 4, 12)
    (piece,) = walk.units["w"].pieces
    assert [(factor.start, factor.size) for factor in piece.factors] == [(1, 2), (0, 4)]


def test_a_reversed_neighbour_is_a_hint_on_the_weight():
    walk = Walk()
    w, x = walk.weight("w", (4, 4)), walk.input((2, 4))
    walk._use(w, "matrix", {0: OUT, 1: IN}, [walk.flip(x, [0])])
    assert walk.units["w"].hints == {"reversed"}
