"""What is left when all causes are taken together."""

from compare.explain.calls.change import Change
from compare.explain.closing import closing_of
from tests.compare.explain.locate.models import looked

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
