"""Axes as atoms: split where they must be, joined where they meet, labelled from either side."""

from compare.weights.mapping.atoms import Atom, axis_of, finest, regroup, tie


def sizes(axis):
    return [atom.size for atom in finest(axis)]


def test_tying_splits_both_where_the_other_is_split():
    one, other = [Atom(4), Atom(6)], [Atom(2), Atom(12)]
    assert tie(one, other)
    assert sizes(one) == sizes(other) == [2, 2, 6]
    assert all(a.root is b.root for a, b in zip(finest(one), finest(other), strict=True))


def test_what_does_not_fit_is_said():
    assert not tie([Atom(4), Atom(3)], [Atom(3), Atom(4)])
    assert not tie([Atom(4)], [Atom(5)])


def test_a_label_reaches_parts_joined_atoms_and_kin():
    whole, other, pooled = Atom(12), Atom(12), Atom(5)
    other.relate(pooled)
    tie([whole], [Atom(3), Atom(4)])
    tie([whole], [other])
    whole.mark("c")
    assert [atom.label for atom in finest([other])] == ["c", "c"]
    whole.mark("s0")
    assert whole.label == "c"

    late, kin = Atom(7), Atom(3)
    late.relate(kin)
    kin.mark("s1")
    assert late.label == "s1"


def test_regrouping_follows_memory_order():
    axes = [axis_of(2), axis_of(12)]
    grouped = regroup([atom for axis in axes for atom in axis], (2, 3, 4))
    assert sizes(axes[1]) == [3, 4]
    flat = regroup([atom for axis in grouped for atom in axis], (24,))
    assert sizes(flat[0]) == [2, 3, 4]
    assert [sizes(axis) for axis in regroup([Atom(6)], (4, 3))] == [[4], [3]]
