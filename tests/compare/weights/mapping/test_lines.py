"""The lines of two walked programs: everything is in one, a named constant, or a complaint."""

import numpy as np
import pytest

from compare.errors import UsageError
from compare.weights.mapping.gates import Gate
from compare.weights.mapping.lines import lines_of
from compare.weights.mapping.walk import Walk
from compare.weights.weights import WeightMap
from tests.compare.weights.mapping.hand import chain, dense


class Bare:
    """A port model without layers of its own."""

    modules: dict = {}  # noqa: RUF012


def lines(one, two, rules=None, optional=(), gates=None):
    names, leaves = ({name: name in optional for name in walk.units} for walk in (one, two))
    return lines_of(one, names, two, leaves, rules or {}, gates or {}, Bare())[0]


def carried(found, one, two):
    """Numbers 0, 1, 2 ... in the reference's arrays, as the port holds them."""
    weight_map, arrays, start = WeightMap(found.entries), {}, 0
    shapes = {name: unit.shape for name, unit in one.units.items()}
    leaves = {name: unit.shape for name, unit in two.units.items()}
    weight_map.check(shapes, leaves)
    for name, shape in shapes.items():
        arrays[name] = np.arange(start, start + np.prod(shape), dtype=np.float64).reshape(shape)
        start += arrays[name].size
    return arrays, weight_map.to_port(arrays, leaves)


def test_whole_layers_have_a_line_for_each_array():
    one, two = chain("a.weight", bias="bias"), chain("params/x/kernel", bias="bias", out_first=False)
    found = lines(one, two)
    assert [(entry.reference, entry.port, entry.layout) for entry in found.entries] == [
        ("a.weight", "params/x/kernel", "transpose (1, 0)"),
        ("a.bias", "params/x/bias", "same"),
    ]
    assert all(entry.reason.endswith("the only one alike") for entry in found.entries)
    assert (found.constants, found.port_constants, found.notes) == ([], [], [])


def test_what_may_be_left_over_is_a_constant_and_nothing_else_is():
    one, two = chain("a.weight"), chain("params/x/kernel")
    one.weight("count", ())
    two.weight("stats/table", (7,))
    found = lines(one, two, optional=("count", "stats/table"))
    assert (found.constants, found.port_constants) == (["count"], ["stats/table"])
    with pytest.raises(UsageError, match=r"weight map: count \(\) of the reference has no counterpart in the port"):
        lines(one, two, optional=("stats/table",))
    with pytest.raises(UsageError, match=r"stats/table \(7,\) of the port has no counterpart in the reference"):
        lines(one, two, optional=("count",))


def packed(weight, *leaves, out=2):
    """A layer whose result is cut in three equal parts, or a layer for each part."""
    walk = Walk()
    x = walk.input((2, 4))
    if weight:
        y = dense(walk, x, weight, out=3 * out)
        for at in range(3):
            walk.cut(y, 1, at * out, (at + 1) * out)
    for leaf in leaves:
        dense(walk, x, leaf, out_first=False, out=out)
    return walk


def test_a_packed_layer_falls_apart_where_the_other_side_has_it_in_parts():
    one, two = packed("qkv.weight"), packed("", "params/value/kernel", "params/query/kernel", "params/key/kernel")
    found = lines(one, two)
    assert [(entry.reference, entry.port) for entry in found.entries] == [
        ("qkv.weight", f"params/{name}/kernel") for name in ("query", "key", "value")
    ]
    arrays, moved = carried(found, one, two)
    assert np.array_equal(moved["params/key/kernel"], arrays["qkv.weight"][2:4].T)


def test_it_stays_whole_where_both_sides_pack_it():
    found = lines(packed("qkv.weight"), packed("params/qkv/kernel"))
    assert [entry.layout for entry in found.entries] == ["same"]


def test_a_rule_for_an_array_is_taken_at_its_word():
    one, two = chain("a.w", "b.w"), chain("params/x/k", "params/y/k")
    found = lines(one, two, {"a.w": ("y/k", (1, 0)), "b.w": "x/k"})
    assert [(entry.reference, entry.port, entry.layout) for entry in found.entries] == [
        ("a.w", "params/y/k", "transpose (1, 0)"),
        ("b.w", "params/x/k", "same"),
    ]
    assert all("by rule" in entry.reason for entry in found.entries)


def test_a_rule_for_a_layer_leaves_the_layout_to_the_use():
    one, two = chain("a.w", "b.w"), chain("params/x/k", "params/y/k", out_first=False)
    found = lines(one, two, {"a": "y"})
    assert {(entry.reference, entry.port, entry.layout) for entry in found.entries} == {
        ("a.w", "params/y/k", "transpose (1, 0)"),
        ("b.w", "params/x/k", "transpose (1, 0)"),
    }


def recurrent(weights, biases):
    """A step: the input's and the state's product, and as many biases as there are names."""
    walk = Walk()
    x, h = walk.input((2, 4)), walk.input((2, 4))
    wi, wh = weights
    y = walk.elementwise("add", [dense(walk, x, wi), dense(walk, h, wh)], (2, 4))
    for bias in biases:
        y = walk.elementwise("add", [y, walk.weight(bias, (4,))], (2, 4))
    walk.elementwise("tanh", [y], (2, 4))
    return walk


GATES = {
    f"l.{kind}_{source}_l0": (Gate(source, "h", "l._l0", kind == "bias"),)
    for kind in ("weight", "bias") for source in ("ih", "hh")
}  # fmt: skip


def test_two_biases_against_one_are_a_sum():
    one = recurrent(("l.weight_ih_l0", "l.weight_hh_l0"), ("l.bias_ih_l0", "l.bias_hh_l0"))
    two = recurrent(("params/l/w_ih", "params/l/w_hh"), ("params/l/b",))
    found = lines(one, two, gates=GATES)
    summed = [entry for entry in found.entries if entry.summed]
    assert [(entry.reference, entry.port) for entry in summed] == [("l.bias_hh_l0", "params/l/b")]
    assert "the port holds its sum with l.bias_ih_l0" in summed[0].reason
    assert found.notes == ["the port holds each recurrent bias as one where the reference adds two"]
    arrays, moved = carried(found, one, two)
    assert np.array_equal(moved["params/l/b"], arrays["l.bias_ih_l0"] + arrays["l.bias_hh_l0"])


def test_two_biases_against_two_are_two_lines():
    one = recurrent(("l.weight_ih_l0", "l.weight_hh_l0"), ("l.bias_ih_l0", "l.bias_hh_l0"))
    two = recurrent(("params/l/w_ih", "params/l/w_hh"), ("params/l/b_ih", "params/l/b_hh"))
    found = lines(one, two, gates=GATES)
    assert not any(entry.summed for entry in found.entries)
    assert {entry.port for entry in found.entries} == set(two.units)
    assert found.notes == []
