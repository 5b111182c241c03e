"""Parts of a packed array, by name in their order; what does not lie so has no names."""

import pytest

from compare.arrays.views import AS_IS, View, reshaped
from compare.weights.own.packed_parts import parts_along, told_apart


def cut(axis, place, length):
    return View((("slice", (axis, place * length, (place + 1) * length)),))


@pytest.mark.parametrize(
    ("parts", "shape", "axis", "names"),
    [
        ({name: cut(1, at, 4) for at, name in enumerate("qkv")}, (6, 12), 1, ["q", "k", "v"]),
        ({name: cut(0, at, 2) for at, name in ((2, "v"), (0, "q"), (1, "k"))}, (6, 5), 0, ["q", "k", "v"]),
        ({name: reshaped(3, 2, 5).then("index", (0, at)) for at, name in enumerate("qkv")}, (6, 5), 0, ["q", "k", "v"]),
        ({name: cut(0, at, 2).then("transpose", (1, 0)) for at, name in enumerate("ab")}, (4, 5), 0, ["a", "b"]),
        ({"a": cut(0, 0, 3).then("flip", (0,)), "b": cut(0, 1, 3)}, (6, 5), 0, ["a", "b"]),
        ({name: cut(1, at, 4) for at, name in enumerate("qkv")}, (6, 12), 0, []),
        ({"a": cut(0, 0, 4), "b": View((("slice", (0, 4, 6)),))}, (6, 5), 0, []),
        ({"a": AS_IS, "b": AS_IS}, (6, 5), 0, []),
    ],
)
def test_the_names_along_an_axis(parts, shape, axis, names):
    assert parts_along(parts, shape, axis) == names


@pytest.mark.parametrize(
    ("names", "short"),
    [
        (["q", "k"], ["q", "k"]),
        (["h.0.q.weight", "h.0.k.weight"], ["q", "k"]),
        (["params/h/q/kernel", "params/h/attn/k/kernel"], ["q", "attn.k"]),
        (["params/cell/ii/kernel", "params/cell/hi/kernel"], ["ii", "hi"]),
        (["a.w", "a.b"], ["w", "b"]),
    ],
)
def test_names_are_shown_by_what_tells_them_apart(names, short):
    assert told_apart(names) == short
