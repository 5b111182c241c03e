"""What is said of weights that meet activations entry by entry, side by side, or in ways unknown."""

import pytest

from compare.weights.mapping.atoms import finest
from compare.weights.mapping.walk import Walk
from tests.compare.weights.mapping.hand import dense, roles, same_atoms, sound


def labels(value):
    return [{atom.label for atom in finest(axis)} for axis in value.axes]


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


def test_what_is_opaque_uses_weights_and_says_nothing_of_their_axes():
    walk = Walk()
    w, x = walk.weight("w", (3, 4)), walk.input((3,))
    assert walk.opaque([w], (3,)).fixed
    y = walk.opaque([w, x], (3,))
    assert (walk.units["w"].kind, walk.units["w"].opaque) == ("loose", True)
    assert (y.moving, y.last) == (True, frozenset({1}))
    walk.dot(x, w, [(0, 0)], [])
    assert (walk.units["w"].kind, walk.units["w"].opaque) == ("matrix", False)


def test_writing_makes_a_constant_move():
    walk = Walk()
    zeros, x = walk.constant((2, 4)), walk.input((2, 4))
    y = dense(walk, x, "w")
    written = walk.written(zeros, [y], along=True)
    assert (written.moving, written.last) == (True, y.last)
    assert same_atoms(written.axes[1], y.axes[1])
