"""Pairs of two ordered lists."""

from compare.lessons.ordered_pairs import best_pairs


def test_the_largest_sum_wins_and_order_is_kept():
    """One good pair is given up for two that are better together; what is like nothing is in none."""
    assert best_pairs([[0, 3], [2, 0], [0, 2]]) == [(1, 0), (2, 1)]
    assert best_pairs([[0, 5], [2, 0], [0, 2]]) == [(0, 1)]
    assert best_pairs([[0, 0]]) == []
    assert best_pairs([]) == []
