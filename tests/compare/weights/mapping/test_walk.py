"""What each kind of operation says of the weights that enter it, and which axes it carries on."""

import pytest

from compare.weights.mapping.atoms import finest
from compare.weights.mapping.walk import Walk
from tests.compare.weights.mapping.hand import dense, roles, same_atoms, sound


def labels(value):
    return [{atom.label for atom in finest(axis)} for axis in value.axes]


def test_a_weight_is_one_value_however_often_it_is_read():
    walk = Walk()
    assert walk.weight("w", (2, 3)) is walk.weight("w", (2, 3))
    assert list(walk.units) == ["w"]


def test_permuting_and_reshaping_carry_the_atoms():
    walk = Walk()
    w = walk.weight("w", (2, 3, 1, 4))
    turned = walk.permute(w, (3, 0, 2, 1))
    assert sound(turned, (4, 2, 1, 3))
    assert [same_atoms(turned.axes[at], w.axes[own]) for at, own in enumerate((3, 0, 2, 1))] == [True] * 4
    flat = walk.reshape(turned, (4, 6))
    assert same_atoms(flat.axes[1], [*w.axes[0], *w.axes[1]])
    assert flat.units == w.units


def test_a_reshape_splits_an_axis_for_whoever_holds_it():
    walk = Walk()
    x = walk.input((2, 12))
    split = walk.reshape(x, (2, 3, 4))
    assert [atom.size for atom in finest(x.axes[1])] == [3, 4]
    y = dense(walk, x, "w", out_first=False)
    assert sound(y, (2, 4))
    into = finest([walk.units["w"].factors[0].atom])
    assert [atom.size for atom in into] == [3, 4]
    assert same_atoms(split.axes[2], into[1:])


def test_broadcasting_keeps_axes_and_repeats_as_a_whole():
    walk = Walk()
    x = walk.input((3, 1))
    wide = walk.broadcast(x, (2, 3, 5), (1, 2))
    assert sound(wide, (2, 3, 5))
    assert same_atoms(wide.axes[1], x.axes[0])
    again = walk.broadcast(x, (6, 1), (0, 1))
    assert [atom.size for atom in again.axes[0]] == [2, 3]
    assert same_atoms(again.axes[0][1:], x.axes[0])


def test_a_range_of_an_activation_is_the_same_axis_to_a_reader():
    walk = Walk()
    x = walk.input((2, 6))
    assert walk.cut(x, 1, 0, 6) is x
    part = walk.cut(x, 1, 1, 6, 2)
    assert sound(part, (2, 3))
    assert same_atoms(part.axes[0], x.axes[0])
    assert not same_atoms(part.axes[1], x.axes[1])
    x.axes[1][0].mark("c")
    assert labels(part) == [{None}, {"c"}]


def test_a_range_of_a_weight_is_a_piece_of_it():
    walk = Walk()
    w = walk.weight("w", (6, 4))
    top, again, low = walk.cut(w, 0, 0, 2), walk.cut(w, 0, 0, 2), walk.cut(w, 0, 2, 6)
    assert top.units[0][0] is again.units[0][0]
    assert [piece.factors[0].start for piece in walk.units["w"].pieces] == [0, 2]
    x = walk.input((3, 4))
    walk.dot(x, low, [(1, 1)], [])
    piece = low.units[0][0]
    assert roles(piece) == [("out", 4), ("in", 4)]
    assert not walk.units["w"].uses
    assert not top.units[0][0].uses


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


def test_a_product_of_weights_alone_is_no_use_of_an_activation():
    walk = Walk()
    u, v, x = walk.weight("u", (4, 2)), walk.weight("v", (2, 4)), walk.input((3, 4))
    both = walk.dot(u, v, [(1, 0)], [])
    assert (both.moving, both.fixed, both.units) == (False, True, ())
    zeros = walk.dot(walk.constant((3, 4)), u, [(1, 0)], [])
    assert zeros.moving, "the zeros a cell starts from count as an activation"
    assert walk.dot(x, both, [(1, 0)], []).moving


@pytest.mark.parametrize(("name", "kind", "hint"), [
    ("mul", "scale", set()), ("div", "scale", set()), ("add", "shift", set()), ("sub", "shift", {"sub"}),
    ("max", "loose", set()),
])  # fmt: skip
def test_a_vector_on_an_activation(name, kind, hint):
    walk = Walk()
    x, w = walk.input((2, 4)), walk.weight("w", (4,))
    y = walk.elementwise(name, [x, w], (2, 4))
    unit = walk.units["w"]
    assert (unit.kind, set(unit.hints), roles(unit)) == (kind, hint, [("along", 4)])
    assert same_atoms(x.axes[1], w.axes[0])
    assert sound(y, (2, 4))


def test_weights_alone_stay_a_view_and_remember_a_root():
    walk = Walk()
    variance, gamma = walk.weight("v", (4,)), walk.weight("g", (4,))
    rate = walk.elementwise("rsqrt", [variance], (4,))
    factor = walk.elementwise("mul", [rate, gamma], (4,))
    assert not walk.uses
    walk.elementwise("mul", [walk.input((2, 4)), factor], (2, 4))
    assert {name: (unit.kind, set(unit.hints)) for name, unit in walk.units.items()} == {
        "v": ("scale", {"rsqrt"}),
        "g": ("scale", set()),
    }


def test_a_length_times_a_direction_uses_the_length_at_once():
    walk = Walk()
    direction, length = walk.weight("d", (4, 3)), walk.weight("l", (4, 1))
    w = walk.elementwise("mul", [direction, length], (4, 3))
    assert walk.units["l"].kind == "scale"
    assert not walk.units["d"].uses
    walk.dot(walk.input((2, 3)), w, [(1, 1)], [])
    assert walk.units["d"].kind == "matrix"


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


def test_turning_twice_is_not_turning():
    walk = Walk()
    w = walk.weight("w", (3, 4))
    once = walk.flip(w, [0])
    assert len(once.flips) == 1
    assert not walk.flip(once, [0]).flips


def test_a_sequence_walked_from_its_end_marks_what_it_meets():
    walk = Walk()
    dense(walk, walk.backwards(walk.input((2, 4))), "w")
    dense(walk, walk.input((2, 4)), "v")
    assert [set(walk.units[name].hints) for name in "wv"] == [{"reversed"}, set()]


def test_weights_beside_each_other_are_used_together():
    walk = Walk()
    q, k = walk.weight("q", (2, 4)), walk.weight("k", (3, 4))
    both = walk.concatenate([q, k], 0, (5, 4))
    assert not walk.uses
    y = walk.dot(walk.input((2, 4)), walk.permute(both, (1, 0)), [(1, 0)], [])
    assert sound(y, (2, 5))
    assert {name: roles(unit) for name, unit in walk.units.items()} == {
        "q": [("out", 2), ("in", 4)],
        "k": [("out", 3), ("in", 4)],
    }


def test_a_weight_beside_an_activation_is_used_there():
    walk = Walk()
    cls, x = walk.weight("cls", (1, 1, 4)), walk.input((1, 6, 4))
    y = walk.concatenate([cls, x], 1, (1, 7, 4))
    assert walk.units["cls"].kind == "loose"
    assert same_atoms(y.axes[2], x.axes[2])
    assert same_atoms(y.axes[2], cls.axes[2])
    assert y.last == {0}


def test_reducing_drops_axes_and_pooling_keeps_what_they_are():
    walk = Walk()
    x = walk.input((2, 3, 4))
    assert sound(walk.reduce(x, [-1, 0]), (3,))
    kept = walk.reduce(x, [1], keep=True)
    assert sound(kept, (2, 1, 4))
    assert same_atoms(kept.axes[2], x.axes[2])
    pooled = walk.window(x, (2, 3, 2))
    assert same_atoms(pooled.axes[1], x.axes[1])
    assert not same_atoms(pooled.axes[2], x.axes[2])
    x.axes[2][0].mark("s0")
    assert labels(pooled)[2] == {"s0"}
    w = walk.reduce(walk.weight("w", (3, 4)), [0])
    assert (w.units, w.fixed) == ((), True)


def test_rows_taken_from_a_table_have_the_tables_columns():
    walk = Walk()
    table, picks = walk.weight("t", (7, 4)), walk.input((2, 3))
    rows = walk.take(table, picks, [0], (2, 3, 4))
    assert sound(rows, (2, 3, 4))
    assert roles(walk.units["t"]) == [("in", 7), ("out", 4)]
    assert same_atoms(rows.axes[2], table.axes[1])
    assert same_atoms(rows.axes[1], picks.axes[1])
    assert rows.last == {0}


def test_what_is_opaque_uses_weights_only_beside_an_activation():
    walk = Walk()
    w = walk.weight("w", (3, 4))
    assert walk.opaque([w], (3,)).fixed
    assert not walk.uses
    y = walk.opaque([w, walk.input((3,))], (3,))
    assert walk.units["w"].kind == "loose"
    assert (y.moving, y.last) == (True, frozenset({0}))


def test_writing_makes_a_constant_move():
    walk = Walk()
    zeros, x = walk.constant((2, 4)), walk.input((2, 4))
    y = dense(walk, x, "w")
    written = walk.written(zeros, [y], along=True)
    assert (written.moving, written.last) == (True, y.last)
    assert same_atoms(written.axes[1], y.axes[1])
