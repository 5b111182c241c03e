"""Each kind of evidence on a few arrays by hand: what it tells apart, and what it leaves alone."""

from compare.weights.mapping.evidence import (
    EVIDENCE,
    by_fate,
    by_hints,
    by_layer,
    by_neighbours,
    by_numbered_names,
    by_order,
    by_pieces,
    by_position,
    by_words,
)
from compare.weights.mapping.groups import Group, SideArrays, split_group
from compare.weights.mapping.names import numbered, words
from compare.weights.mapping.paired import Array
from compare.weights.mapping.units import Unit


def array(name, uses=(), **more):
    mark = "/" if "/" in name else "."
    unit = Unit(name, (4,), [], "matrix", uses=list(uses))
    return Array(name, unit, name.rpartition(mark)[0], False, words(name), numbered(name), **more)


def told(evidence, reference, port, whole=()):
    """The pairs of names that one kind of evidence makes of a group; ``whole``: further arrays of both sides."""
    mine, theirs = whole or ((), ())
    group = Group(list(reference), list(port))
    keys, strict = evidence(group, SideArrays([*reference, *mine]), SideArrays([*port, *theirs]))
    parts = split_group(group, keys, strict, "told")
    return {part.reference[0].name: part.port[0].name for part in parts if part.settled}


def test_numbers_tell_where_both_sides_have_the_very_same():
    one = [array(f"layers.{at}.fc.weight") for at in (0, 1)]
    two = [array(f"params/layers_{at}/fc/kernel") for at in (1, 0)]
    assert told(by_numbered_names, one, two) == {
        "layers.0.fc.weight": "params/layers_0/fc/kernel",
        "layers.1.fc.weight": "params/layers_1/fc/kernel",
    }
    shifted = [array(f"params/layers_{at}/fc/kernel") for at in (1, 2)]
    assert told(by_numbered_names, one, shifted) == {}


def test_words_tell_what_occurs_on_both_sides():
    one = [array("att.q_proj.weight"), array("att.k_proj.weight"), array("att.foo.weight")]
    two = [array("params/att/key/kernel"), array("params/att/query/kernel"), array("params/att/bar/kernel")]
    assert told(by_words, one, two) == {
        "att.q_proj.weight": "params/att/query/kernel",
        "att.k_proj.weight": "params/att/key/kernel",
        "att.foo.weight": "params/att/bar/kernel",
    }


def test_the_name_of_a_piece_is_a_word():
    one = [array("in_proj_weight", tag=tag) for tag in "qkv"]
    two = [array(f"params/{name}/kernel") for name in ("value", "query", "key")]
    parts = split_group(Group(one, two), by_words(Group(one, two), SideArrays(one), SideArrays(two))[0], False, "")
    pairs = {part.reference[0].tag: part.port[0].name for part in parts if part.settled}
    assert pairs == {"q": "params/query/kernel", "k": "params/key/kernel", "v": "params/value/kernel"}


def test_pieces_go_by_their_place():
    one = [array("w", tag="0"), array("w", tag="1")]
    two = [array("params/k", tag="1"), array("params/k", tag="0")]
    group = Group(one, two)
    parts = split_group(group, *by_pieces(group, SideArrays(one), SideArrays(two)), "")
    assert [(part.reference[0].tag, part.port[0].tag) for part in parts] == [("0", "0"), ("1", "1")]
    untold = Group(one, [array("params/a"), array("params/b")])
    assert split_group(untold, *by_pieces(untold, SideArrays(one), SideArrays(untold.port)), "") == [untold]


def test_what_is_settled_in_a_layer_tells_the_rest_of_it():
    one = [array("a.bias"), array("b.bias")]
    two = [array("params/x/bias"), array("params/y/bias")]
    settled = ([array("a.weight", group=1), array("b.weight", group=2)],
               [array("params/y/kernel", group=1), array("params/x/kernel", group=2)])  # fmt: skip
    assert told(by_layer(0, 0), one, two, settled) == {"a.bias": "params/y/bias", "b.bias": "params/x/bias"}
    assert told(by_layer(0, 0), one, two) == {}


def test_layers_nested_one_deeper_on_one_side_meet_at_their_own_depth():
    one = [array("a.w"), array("b.w")]
    two = [array("params/x/in/k"), array("params/y/in/k")]
    settled = ([array("a.n", group=1), array("b.n", group=2)],
               [array("params/x/n", group=2), array("params/x/in/m", group=3),
                array("params/y/n", group=1), array("params/y/in/m", group=3)])  # fmt: skip
    settled[0].extend([array("a.m", group=3), array("b.m", group=3)])
    assert told(by_layer(0, 0), one, two, settled) == {}
    assert told(by_layer(0, 1), one, two, settled) == {"a.w": "params/y/in/k", "b.w": "params/x/in/k"}


def test_a_layer_that_holds_nothing_more_does_not_count():
    one, two = [array("a.w"), array("b.w")], [array("params/x/in/k"), array("params/y/in/k")]
    settled = ([array("a.n", group=1), array("b.n", group=2)],
               [array("params/x/n", group=2), array("params/y/n", group=1)])  # fmt: skip
    assert told(by_layer(0, 0), one, two, settled) == {"a.w": "params/y/in/k", "b.w": "params/x/in/k"}


def test_hints_and_fates_tell():
    one = [array("a", hints=frozenset({"sub"})), array("b", hints=frozenset({"rsqrt"}))]
    two = [array("params/c", hints=frozenset({"rsqrt"})), array("params/d", hints=frozenset({"sub"}))]
    assert told(by_hints, one, two) == {"a": "params/d", "b": "params/c"}
    one = [array("a", fate=frozenset({"sigmoid"})), array("b")]
    two = [array("params/c"), array("params/d", fate=frozenset({"sigmoid"}))]
    assert told(by_fate, one, two) == {"a": "params/d", "b": "params/c"}


def test_neighbours_tell_before_and_after_apart():
    one = [array("a", [1], before=frozenset({0})), array("b", [2], after=frozenset({0}))]
    two = [array("params/c", [1], after=frozenset({0})), array("params/d", [2], before=frozenset({0}))]
    settled = ([array("s", [0], group=1)], [array("params/s", [0], group=1)])
    assert told(by_neighbours, one, two, settled) == {"a": "params/d", "b": "params/c"}


def test_order_puts_one_after_another_and_leaves_the_parallel_together():
    one = [array("a", [0]), array("b", [1], ancestors=0b1)]
    two = [array("params/d", [1], ancestors=0b1), array("params/c", [0])]
    assert told(by_order, one, two) == {"a": "params/c", "b": "params/d"}
    parallel = [array("params/c", [0]), array("params/d", [1])]
    assert told(by_order, one, parallel) == {}
    assert told(by_order, [array("a", [0]), array("b", [1])], parallel) == {}


def test_what_is_never_used_comes_before_nothing():
    one, two = [array("a"), array("b", [1], ancestors=0b1)], [array("params/c"), array("params/d")]
    keys, _ = by_order(Group(one, two), SideArrays(one), SideArrays(two))
    assert set(keys.values()) == {0}


def test_numbers_of_one_list_go_in_their_order():
    one = [array("net.0.weight"), array("net.2.weight"), array("net.10.weight")]
    two = [array(f"params/layers_{at}/kernel") for at in (2, 0, 1)]
    assert told(by_position, one, two) == {
        "net.0.weight": "params/layers_0/kernel",
        "net.2.weight": "params/layers_1/kernel",
        "net.10.weight": "params/layers_2/kernel",
    }
    mixed = [array("net.0.weight"), array("out.2.weight"), array("net.10.weight")]
    assert told(by_position, mixed, two) == {}


def test_names_are_asked_first_and_numbers_last():
    assert [reason for reason, _ in EVIDENCE][:2] == ["by name", "by name"]
    assert EVIDENCE[-1] == ("by number", by_position)
