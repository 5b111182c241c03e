"""A counterpart's two codes."""

from compare.explain.differences.difference_row import Counterpart


def test_settings_stand_where_they_go():
    """Before what is given, or alone between the brackets; without them neither a comma nor a sign is left."""
    first, alone = Counterpart("f(x, $)", "a=1"), Counterpart("g($).apply(x)", "a=1")
    assert (first.plain, first.adapted) == ("f(x)", "f(x, a=1)")
    assert (alone.plain, alone.adapted) == ("g().apply(x)", "g(a=1).apply(x)")


def test_a_whole_expression_or_nothing():
    """What is equal as it stands needs nothing."""
    assert Counterpart("f(x)", "2 * f(x)").adapted == "2 * f(x)"
    assert Counterpart("f(x)").adapted == "f(x)"
    assert (Counterpart(equal="x + 1").plain, Counterpart(equal="x + 1").adapted) == ("", "x + 1")
