"""Groups are split by keys that both sides have equally often."""

import pytest

from compare.weights.mapping.groups import IN_ORDER, Group, SideArrays, split_group
from compare.weights.mapping.names import numbered, words
from compare.weights.mapping.paired import Array
from compare.weights.mapping.units import Unit


def array(name, uses=(), **more):
    mark = "/" if "/" in name else "."
    unit = Unit(name, (4,), [], "matrix", uses=list(uses))
    return Array(name, unit, name.rpartition(mark)[0], False, words(name), numbered(name), **more)


def test_a_group_splits_by_keys_that_both_sides_have_equally_often():
    a, b, c, d = (array(name) for name in "abcd")
    group = Group([a, b], [c, d], ("first",))
    parts = split_group(group, {a: 1, b: 2, c: 2, d: 1}, True, "why")
    assert [(part.reference, part.port, part.reasons) for part in parts] == [
        ([a], [d], ("first", "why")),
        ([b], [c], ("first", "why")),
    ]
    assert split_group(group, {a: 1, b: 1, c: 1, d: 1}, True, "why") == [group]
    assert split_group(group, {a: None, b: None, c: None, d: None}, False, "why") == [group]


def test_keys_that_must_all_agree_split_nothing_otherwise():
    a, b, c, d = (array(name) for name in "abcd")
    keys = {a: 1, b: 2, c: 1, d: 3}
    group = Group([a, b], [c, d])
    assert split_group(group, keys, True, "why") == [group]
    one, rest = split_group(group, keys, False, "why")
    assert (one.reference, one.port) == ([a], [c])
    assert (rest.reference, rest.port, rest.reasons) == ([b], [d], ())


@pytest.mark.parametrize(
    ("place", "said"), [(0, "1st"), (1, "2nd"), (2, "3rd"), (3, "4th"), (10, "11th"), (20, "21st")]
)
def test_order_is_said_in_words(place, said):
    a, b, c, d = (array(name) for name in "abcd")
    part = split_group(Group([a, b], [c, d]), {a: place, b: 99, c: place, d: 99}, True, IN_ORDER)[0]
    assert part.reasons == (f"{said} of 2 alike, by order of use",)


def test_a_side_knows_the_arrays_of_a_use_and_of_a_layer():
    first, second, other = array("a.b.x", uses=[0, 2]), array("a.y", uses=[2]), array("z")
    side = SideArrays([first, second, other])
    assert side.of_use == {0: [first], 2: [first, second]}
    assert side.inside == {"a.b": [first], "a": [first, second], "": [other]}
