"""Factors, pieces and blocks: what is left of a weight's axes after they were split and cut."""

from compare.weights.mapping.atoms import Atom, axis_of
from compare.weights.mapping.units import Factor, Unit, Value, entries, members, note_cut, parted, squeezed, with_


def value(*shape, **more):
    return Value(tuple(axis_of(size) for size in shape), shape, **more)


def test_sizes_multiply_within_a_role_and_space_is_told_axis_by_axis():
    factors = [
        Factor(Atom(2), 2, role="out"), Factor(Atom(3), 3, role="out"), Factor(Atom(5), 5, role="space"),
        Factor(Atom(7), 7, role="space", rank=1),
    ]  # fmt: skip
    assert Unit("w", (6, 5, 7), factors).sizes == {"out": 6, "space0": 5, "space1": 7}


def test_a_cut_is_noted_on_the_slowest_atom_where_it_falls_between_its_entries():
    slow, fast = Atom(6), Atom(4)
    note_cut([slow, fast], 8, 16)
    assert slow.cuts == {(2, 4)}
    note_cut([slow, fast], 2, 10)
    note_cut([], 0, 1)
    assert slow.cuts == {(2, 4)}
    assert fast.cuts == set()


def test_a_whole_factor_falls_into_whole_factors():
    atom = Atom(12)
    factor = Factor(atom, 12)
    assert [(part.size, part.full, part.start) for _, part in parted(factor)] == [(12, 12, 0)]
    atom.split(3)
    assert [(part.size, part.full, part.start) for _, part in parted(factor)] == [(3, 3, 0), (4, 4, 0)]


def test_a_range_falls_into_a_range_of_the_slowest_and_whole_rest():
    atom = Atom(8)
    atom.split(2)
    pairs = parted(Factor(atom, 24, 8))
    assert [(part.size, part.full, part.start) for _, part in pairs] == [(2, 6, 2), (4, 4, 0)]
    assert [own.size for own, _ in pairs] == [2, 4]


def test_a_range_that_its_split_does_not_fit_stays_whole():
    atom = Atom(8)
    atom.split(2)
    for full, start in ((22, 8), (24, 6)):
        assert [(part.size, part.full, part.start) for _, part in parted(Factor(atom, full, start))] == [
            (8, full, start)
        ]


def test_entries_count_all_axes():
    assert entries(value(2, 1, 3)) == 6


def test_members_are_all_weights_in_a_value_and_in_its_blocks():
    one, two = (Unit(name, (2,), []) for name in "ab")
    inner = value(2, units=((two, frozenset()),))
    outer = value(2, units=((one, frozenset()),), blocks=(value(2, blocks=(inner,)),))
    assert [unit.leaf for unit, _ in members(outer)] == ["a", "b"]


def test_a_block_gets_and_loses_axes_of_one_entry_with_its_value():
    block = value(2, 3)  # of a value of shape (5, 3): its first axis holds several blocks
    wider = squeezed(block, (5, 3), (1, 5, 3, 1))
    assert wider.shape == (1, 2, 3, 1)
    assert [len(axis) for axis in wider.axes] == [0, 1, 1, 0]
    back = squeezed(wider, (1, 5, 3, 1), (5, 3))
    assert (back.shape, back.axes) == (block.shape, block.axes)
    assert squeezed(block, (5, 3), (15,)) is block


def test_what_is_alike_keeps_everything_but_its_axes():
    unit = Unit("w", (2,), [])
    full = value(
        2, units=((unit, frozenset({"sub"})),), last=frozenset({3}), flips=frozenset({4}), moving=True, fixed=True
    )
    like = full.like([axis_of(5)], (5,))
    assert like.shape == (5,)
    assert with_(like, axes=full.axes, shape=full.shape) == full
