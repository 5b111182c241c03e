"""Factors of both sides are cut alike, and what lies beside each other on both sides is one again."""

import pytest

from compare.errors import UsageError
from compare.weights.mapping.atoms import Atom
from compare.weights.mapping.slots import Slot, factors_of, is_whole, paired_slots
from compare.weights.mapping.units import Factor, Unit


def unit(*axes):
    """A matrix from its axes: (role, size)."""
    factors = [Factor(Atom(size), size, role=role) for role, size in axes]
    return Unit("w", tuple(size for _, size in axes), factors, "matrix")


def sizes(pairs):
    return [(mine.role, mine.size, mine.part, theirs.part) for mine, theirs in pairs]


def test_a_slot_is_divided_and_follows():
    slot = Slot(6, None, "in", False, 0, 5)
    slower, faster = slot.divided(2)
    assert [(each.size, each.stride) for each in (slower, faster)] == [(2, 15), (3, 5)]
    assert slower.before(faster)
    assert not faster.before(slower)


def test_roles_meet_wherever_they_lie():
    pairs, moved = paired_slots(unit(("out", 3), ("in", 4)), unit(("in", 4), ("out", 3)))
    assert sizes(pairs) == [("in", 4, 2, 1), ("out", 3, 1, 2)]
    assert moved is None


def test_an_axis_is_cut_where_the_other_side_is():
    pairs, _ = paired_slots(unit(("out", 6), ("in", 4)), unit(("in", 4), ("out", 2), ("out", 3)))
    assert sizes(pairs) == [("in", 4, 2, 1), ("out", 2, 1, 2), ("out", 3, 1, 3)]


def test_what_was_cut_on_both_sides_alike_is_one_again():
    pairs, _ = paired_slots(unit(("in", 4), ("out", 6)), unit(("in", 4), ("out", 6)))
    assert sizes(pairs) == [("in", 4, 1, 1), ("out", 6, 2, 2)]


@pytest.mark.parametrize(("out", "words"), [(5, "do not fit"), (12, "of different size")])
def test_what_cannot_be_laid_along_each_other_is_refused(out, words):
    with pytest.raises(UsageError, match=words):
        paired_slots(unit(("in", 4), ("out", 6)), unit(("in", 4), ("out", out)))


def test_an_axis_that_the_sides_split_into_other_parts_is_taken_as_it_lies():
    """Heads of three entries here, three heads there: the arrays are stored alike, the functions differ."""
    mine, theirs = unit(("out", 24), ("in", 5)), unit(("in", 5), ("out", 24))
    mine.factors[0].atom.split(3)
    theirs.factors[1].atom.split(8)
    theirs.factors[1].atom.parts[0].split(4)
    pairs, _ = paired_slots(mine, theirs)
    assert sizes(pairs) == [("in", 5, 2, 1), ("out", 24, 1, 2)]


def test_axes_of_one_entry_are_no_factors():
    whole = unit(("in", 1), ("out", 6))
    assert [factor.size for factor in factors_of(whole)] == [6]
    assert is_whole(whole)
    whole.factors[1] = Factor(Atom(2), 6, role="out")
    assert not is_whole(whole)
