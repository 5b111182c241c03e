"""Rules: the rate of a step, their settings, and what is changed in all of them."""

from compare.explain.doctor.updates.rules import COMMON, Rule, each, every_one, usual


def test_the_last_rate_holds_on():
    """A schedule is as long as somebody has looked at it."""
    rule = Rule("SGD", rates=(0.1, 0.2))
    assert [rule.rate(step) for step in (1, 2, 3)] == [0.1, 0.2, 0.2]


def test_settings_of_its_row_and_of_all_are_read_and_changed_by_name():
    """Another rule comes of it; what its optimizer does not have is 0 and cannot be set."""
    rule = usual("Adam", beta1=0.9, rates=(0.1,))
    assert (rule.get("beta1"), rule.get("rates"), rule.get("bias_correction"), rule.get("momentum")) == (
        0.9,
        (0.1,),
        1,
        0,
    )
    other = rule.but(beta1=0.5, clip_norm=1.0, momentum=0.9)
    assert (other.get("beta1"), other.clip_norm, other.get("momentum"), rule.get("beta1")) == (0.5, 1.0, 0, 0.9)
    assert set(rule.settings) == {*COMMON, *dict(rule.own)}


def test_a_rule_that_parameters_share_is_changed_once():
    """And stays shared; of two sets, rules that meet the same ones. Equal rules that say other things stay two."""
    shared, own = usual("Adam"), usual("Adam")
    changed = every_one((shared, own, shared), beta1=0.5)
    assert [rule.get("beta1") for rule in changed] == [0.5] * 3
    assert changed[0] is changed[2] is not changed[1]
    asked = []

    def first(*rules):
        asked.append(rules)
        return rules[0]

    assert each(first, (shared, shared, shared), (own, shared, own)) == (shared,) * 3
    assert asked == [(shared, own), (shared, shared)]
