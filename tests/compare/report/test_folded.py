"""Lines of layers that are alike become one, and a line that is not alike keeps its own."""

from compare.report.folded import folded


def shown(*pairs, text="same"):
    return [(" ".join(one.shown), len(one.names)) for one in folded((pair, text) for pair in pairs)]


def test_layers_that_are_alike_are_one():
    pairs = [(f"layers.{at}.w", f"params/layers_{at}/w") for at in range(12)]
    assert shown(*pairs) == [("layers.{0-11}.w params/layers_{0-11}/w", 12)]


def test_counting_may_begin_elsewhere():
    pairs = [(f"layers.{at}.w", f"block_{at + 1}/w") for at in range(3)]
    assert shown(*pairs) == [("layers.{0-2}.w block_{1-3}/w", 3)]


def test_two_layers_exchanged_are_seen():
    """A range on both sides would hide which is which."""
    assert shown(("a0", "b1"), ("a1", "b0")) == [("a0 b1", 1), ("a1 b0", 1)]


def test_every_combination_is_one_line_and_a_ragged_one_is_several():
    grid = [(f"s{stage}.{block}.w",) for stage in (1, 2) for block in (0, 1, 2)]
    assert shown(*grid) == [("s{1-2}.{0-2}.w", 6)]
    assert shown(*grid[:-1]) == [("s1.{0-2}.w", 3), ("s2.{0-1}.w", 2)]


def test_numbers_with_gaps_are_listed():
    assert shown(("a0",), ("a2",)) == [("a{0,2}", 2)]
    assert shown(*((f"a{2 * at}",) for at in range(9))) == [("a{0,2,4,6,8,10,...}", 9)]


def test_another_text_is_another_line():
    lines = [(("a0",), "same"), (("a1",), "transposed"), (("a2",), "same")]
    assert [(one.shown, one.text) for one in folded(lines)] == [(("a{0,2}",), "same"), (("a1",), "transposed")]
