"""A rule: the rate of a step."""

from compare.explain.doctor.updates.rules import Rule


def test_the_last_rate_holds_on():
    """A schedule is as long as somebody has looked at it."""
    rule = Rule(rates=(0.1, 0.2))
    assert [rule.rate(step) for step in (1, 2, 3)] == [0.1, 0.2, 0.2]
