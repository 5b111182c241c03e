"""The arrays of a side: whole weights or their pieces, what each is, and what came before it."""

import pytest

from compare.weights.mapping.atoms import Atom
from compare.weights.mapping.gates import Gate
from compare.weights.mapping.paired import above, arrays_of, pieces_of
from compare.weights.mapping.units import Factor, Unit
from compare.weights.mapping.walk import Walk
from tests.compare.weights.mapping.hand import chain, dense


def only(walk, **more):
    (array,) = arrays_of(walk, dict.fromkeys(walk.units, False), **more)
    return array


def test_layers_above_one():
    assert above("a.b.c") == ["a.b.c", "a.b", "a"]
    assert above("params/a/b") == ["params/a/b", "params/a"], "the collection is no layer"


def test_what_an_array_is_follows_its_use_not_its_layout():
    here, there = chain("w"), chain("k", out_first=False)
    assert only(here).what == only(there).what == ("matrix", ("in", 4), ("out", 4))
    unused = Walk()
    unused.weight("w", (4, 4))
    assert only(unused).what == ("unused", (4, 4))
    assert (only(unused).loosely, only(here).loosely) == ((4, 4), None)


def test_a_convolution_of_one_point_is_a_matrix():
    for size, kind in ((1, "matrix"), (3, "conv")):
        walk = Walk()
        specs = ((0, 1, 2), (0, 1, 2), (0, 1, 2))
        walk.conv(walk.input((2, 4, 7)), walk.weight("k", (5, 4, size)), specs, (2, 5, 8 - size), 1, False)
        assert only(walk).what[0] == kind


def test_a_gate_is_part_of_what_it_is():
    gate = Gate("ih", "f", "lstm._l0_reverse", bias=False)
    array = only(chain("lstm.w"), gates={"lstm.w": (gate,)})
    assert array.what[-2:] == ("ih", "f")
    assert array.parent == "lstm._l0_reverse"
    assert "reversed" in array.hints


def test_packed_gates_have_one_name_until_they_are_parted():
    gates = {"w": tuple(Gate("ih", name, "l") for name in "ifgo")}
    assert only(chain("w"), gates=gates).gate == Gate("ih", "ifgo", "l")
    pieces = arrays_of(chain("w"), {"w": False}, frozenset({"w"}), gates)
    assert [array.gate.name for array in pieces] == ["i", "f", "g", "o"]
    assert [array.unit.factors[0].start for array in pieces] == [0, 1, 2, 3]


def test_uses_reach_what_depends_on_them():
    walk = Walk()
    x = walk.input((2, 4))
    a = dense(walk, x, "a.weight")
    dense(walk, walk.elementwise("tanh", [a], a.shape), "b.weight", "b.bias")
    walk.weight("spare", (3,))
    a, b, bias, spare = arrays_of(walk, {"a.weight": False, "b.weight": False, "b.bias": False, "spare": True})
    assert [array.ancestors for array in (a, b, bias)] == [0b0, 0b1, 0b11]
    assert (set(b.before), set(b.after), set(a.fate)) == ({0}, {2}, {"tanh"})
    assert [array.first for array in (a, b, bias)] == [0, 1, 2]
    assert spare.first > bias.first
    assert [array.parent for array in (a, bias, spare)] == ["a", "b", ""]
    assert (spare.optional, a.optional) == (True, False)


def packed(cuts, weight="qkv.weight"):
    """A layer whose result is cut at once."""
    walk = Walk()
    y = dense(walk, walk.input((2, 4)), weight, out=6)
    for start, stop in cuts:
        walk.cut(y, 1, start, stop)
    return walk


def test_a_layer_falls_into_the_pieces_into_which_its_result_falls():
    walk = packed([(0, 2), (2, 4), (4, 6)])
    whole = arrays_of(walk, {"qkv.weight": False})
    assert [array.tag for array in whole] == [""]
    pieces = arrays_of(walk, {"qkv.weight": False}, frozenset({"qkv.weight"}))
    assert [array.tag for array in pieces] == ["q", "k", "v"]
    assert [(array.unit.factors[0].start, array.unit.factors[0].size) for array in pieces] == [(0, 2), (2, 2), (4, 2)]
    assert all(array.what == ("matrix", ("in", 4), ("out", 2)) for array in pieces)
    two = arrays_of(packed([(0, 4), (4, 6)]), {"qkv.weight": False}, frozenset({"qkv.weight"}))
    assert [array.tag for array in two] == ["0", "1"]


@pytest.mark.parametrize("cuts", [[], [(0, 2)], [(0, 2), (2, 4)], [(0, 4), (2, 6)], [(0, 2), (4, 6)]])
def test_ranges_that_do_not_tile_a_layer_are_no_pieces(cuts):
    walk = packed(cuts)
    assert pieces_of(walk.units["qkv.weight"]) == [walk.units["qkv.weight"]]


def test_a_count_parts_a_layer_without_any_cut():
    unit = packed([]).units["qkv.weight"]
    assert [piece.factors[0].start for piece in pieces_of(unit, 3)] == [0, 2, 4]
    assert pieces_of(unit, 4) == [unit]


def test_a_cut_of_a_piece_starts_within_it():
    unit = Unit("w", (12, 4), [Factor(Atom(6), 12, 6, "out"), Factor(Atom(4), 4, role="in")], "matrix")
    assert [piece.factors[0].start for piece in pieces_of(unit, 2)] == [6, 9]
    assert [piece.position for piece in pieces_of(unit, 2)] == [0, 1]


def pieces_used(*ranges):
    walk = Walk()
    w, x = walk.weight("w", (6, 4)), walk.input((2, 4))
    for start, stop in ranges:
        walk.dot(x, walk.cut(w, 0, start, stop), [(1, 1)], [])
    return arrays_of(walk, {"w": False})


def test_a_weight_of_which_all_pieces_are_used_is_its_pieces():
    assert [array.unit.factors[0].start for array in pieces_used((0, 3), (3, 6))] == [0, 3]


def test_an_axis_of_one_entry_says_nothing_of_what_an_array_is():
    row, rest = pieces_used((0, 1), (1, 6))
    assert row.what == ("matrix", ("in", 4))
    assert rest.what == ("matrix", ("in", 4), ("out", 5))


def test_a_weight_of_which_a_part_is_used_is_whole_with_its_roles():
    (array,) = pieces_used((1, 4))
    assert array.unit.shape == (6, 4)
    assert [(factor.role, factor.size, factor.full, factor.start) for factor in array.unit.factors] == [
        ("out", 6, 6, 0),
        ("in", 4, 4, 0),
    ]
    assert array.unit.uses == [0]
