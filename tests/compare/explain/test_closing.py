"""What is left when all causes are taken together."""

import pytest

from compare.explain.calls.change import Change
from compare.explain.closing import closing_of
from compare.explain.explain import explain
from tests.compare.explain.locate.models import looked, looked_into
from tests.compare.small import norm_pair

USERS_MODELS = True
EPSILON = Change(attributes={("norm", "eps"): 1e-6})


def test_one_cause_of_one_closes_everything():
    """Nothing still differs; the numbers are those of quantities that did."""
    made = closing_of(looked("a norm's epsilon"), EPSILON)
    assert made.after < 1e-13 < 1e-7 < made.before
    assert made.still == ()
    assert made.of > 0


def test_one_cause_of_two_says_what_still_differs():
    """By name: something else is wrong too."""
    made = closing_of(looked("two layers"), EPSILON)
    assert "output" in made.still
    assert made.after > 1e-3


def test_causes_that_do_not_go_together_say_nothing():
    """The changed reference raises."""
    seen = looked("a norm's epsilon")
    assert closing_of(seen, Change(attributes={("nowhere", "eps"): 1.0})) is None


@pytest.mark.parametrize("accept", [(), ("running_variance",)])
def test_what_a_batch_norm_keeps_closes_as_any_other_quantity(accept):
    """Both variances named, or taken for one."""
    made = explain(looked_into(norm_pair(0.99, accept=accept), True))
    settings = ["momentum"] if accept else ["momentum", "running variance"]
    assert [named.cause.setting for named in made.causes if named.cause.certain] == settings
    assert made.closing.still == ()
    assert made.closing.after < 1e-13 < 1e-3 < made.closing.before
