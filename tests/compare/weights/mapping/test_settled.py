"""From groups to lines: what was settled, what is in doubt, what is left over."""

import pytest

from compare.errors import UsageError
from compare.weights.mapping.match import paired
from compare.weights.mapping.paired import arrays_of
from compare.weights.mapping.settled import Settled, possible
from compare.weights.mapping.user_rules import AppliedRules
from compare.weights.mapping.walk import Walk
from tests.compare.weights.mapping.hand import chain


def settled(one, two, pairs=None, optional=()):
    mine, theirs = (arrays_of(walk, {name: name in optional for name in walk.units}) for walk in (one, two))
    return Settled(paired(mine, theirs), mine, theirs, {}, {}, AppliedRules(pairs or {}), {})


def opaque(name, shape):
    walk = Walk()
    walk.opaque([walk.weight(name, shape), walk.input((4,))], (4,))
    return walk


def test_what_is_used_in_a_way_that_tells_no_axis_is_in_doubt():
    lines = settled(opaque("w", (4, 4)), opaque("params/k", (4, 4))).lines()
    assert [entry.layout for entry in lines.entries] == ["same"]
    assert [[entry.layout for entry in others] for others in lines.doubts.values()] == [["transpose (1, 0)"]]
    assert settled(opaque("w", (3, 4)), opaque("params/k", (3, 4))).lines().doubts == {}
    assert settled(chain("a.w"), chain("params/x/k")).lines().doubts == {}


def test_axes_that_the_user_says_are_in_no_doubt():
    rules = {"w": ("params/k", (1, 0))}
    lines = settled(opaque("w", (4, 4)), opaque("params/k", (4, 4)), rules).lines()
    assert ([entry.layout for entry in lines.entries], lines.doubts) == (["transpose (1, 0)"], {})


def test_what_only_its_size_pairs_is_unproved():
    one, two = opaque("a", (4, 4)), chain("params/b")
    lines = settled(one, two).lines()
    assert [entry.explain() for entry in lines.entries] == ["a -> params/b (same: the only one of its sizes)"]
    assert "a (4, 4) of the reference has no counterpart" in str(lines.unproved)
    assert settled(opaque("b", (4, 4)), two).lines().unproved is None, "the same name"


def test_ways_that_lead_nowhere_are_left_out():
    right, wrong = settled(chain("a.w"), chain("params/x/k")), settled(chain("a.w", "b.w"), chain("params/x/k"))
    assert len(possible([wrong, right])) == 1
    with pytest.raises(UsageError, match="say which with a map by hand"):
        possible([wrong])


def flat(name, last):
    """An array that holds a matrix of (2, 3), and one number more that is used as ``last`` says."""
    walk = Walk()
    x, w = walk.input((4, 2)), walk.weight(name, (7,))
    walk.dot(x, walk.reshape(walk.cut(w, 0, 0, 6), (2, 3)), [(1, 0)], [])
    number = walk.cut(w, 0, 6, 7)
    if last == "product":
        walk.dot(walk.input((4, 1)), walk.reshape(number, (1, 1)), [(1, 0)], [])
    else:
        walk.elementwise("mul", [walk.input((4, 1)), number], (4, 1))
    return walk


def test_arrays_of_which_a_piece_alone_is_paired_are_taken_whole_or_not_at_all():
    lines = settled(flat("w", "product"), flat("params/k", "factor")).lines()
    assert [entry.explain() for entry in lines.entries] == ["w -> params/k (same: the only one of its sizes)"]
    assert lines.unproved is not None
    whole = settled(flat("w", "factor"), flat("params/k", "factor")).lines()
    assert whole.unproved is None


def test_what_holds_nothing_is_nobodys_counterpart():
    """Of no entries and of one: neither has an axis to tell them by."""
    one, two = Walk(), Walk()
    one.weight("empty", (0,))
    two.elementwise("mul", [two.input((4, 1)), two.weight("params/k", (1,))], (4, 1))
    with pytest.raises(UsageError, match="params/k"):
        settled(one, two, optional=("empty",)).lines()
