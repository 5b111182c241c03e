"""Operations by what became of them."""

from compare.measure.contrast.fates import ALONE, DEAD, KINDS, gathered


def test_names_are_gathered_by_kind():
    """In the order of the kinds, each as often as it comes."""
    found = gathered([ALONE, DEAD, ALONE], ["dot_general", "eq", "dot_general"])
    assert list(found) == [kind for kind in KINDS if kind in (DEAD, ALONE)]
    assert found == {DEAD: ("eq",), ALONE: ("dot_general", "dot_general")}
