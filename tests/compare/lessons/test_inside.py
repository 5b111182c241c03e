"""Lines of two statements beside each other."""

from hypothesis import given
from hypothesis import strategies as st

from compare.lessons.inside import paired

LINES = st.lists(st.sampled_from(["", ")", "x: Tensor,", "x: Array,", "def f(", "return x + 1", "y: int,"]), max_size=8)


def test_a_line_that_one_side_has_more_pushes_the_others_down():
    """As a decorator does."""
    assert paired(["def f(", "    x: Tensor,"], ["@jit", "def f(", "    x: Array,"]) == [(None, 0), (0, 1), (1, 2)]


def test_lines_that_are_like_no_other_share_rows():
    """Two sentences of a docstring need no four rows."""
    assert paired(["aaaa", "bbbb", "same"], ["cccc", "same"]) == [(0, 0), (1, None), (2, 1)]


@given(LINES, LINES)
def test_every_line_is_there_once_and_in_order(left, right):
    """Whatever the lines are; no row is empty."""
    rows = paired(left, right)
    assert [i for i, _ in rows if i is not None] == list(range(len(left)))
    assert [j for _, j in rows if j is not None] == list(range(len(right)))
    assert (None, None) not in rows
