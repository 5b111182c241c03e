"""What enters a walk keeps its atoms in every view of it."""

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


def test_turning_twice_is_not_turning():
    walk = Walk()
    w = walk.weight("w", (3, 4))
    once = walk.flip(w, [0])
    assert len(once.flips) == 1
    assert not walk.flip(once, [0]).flips
