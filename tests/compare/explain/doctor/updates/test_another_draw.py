"""Optimizers on another draw: what fits one draw alone is not certain, and a number is tried as it is said."""

from dataclasses import replace

import optax
import pytest

from compare.explain.doctor.updates.another_draw import AnotherDraw
from compare.explain.doctor.updates.led import led_along
from compare.explain.doctor.updates.reference_rules import rules_of_reference
from compare.explain.doctor.updates.rules import every_one
from compare.explain.doctor.updates.updates import diagnose_updates
from compare.explain.redrawn import redrawn_steps
from tests.compare.explain.doctor.trained import O, made, stepped
from tests.compare.small import dense_pair

USERS_MODELS = True


@pytest.fixture(scope="module")
def drawn(cpu):
    """A port of which the learning rate is another, on record."""
    pair = dense_pair(optimizers=(made(O.SGD, lr=0.1), optax.sgd(0.03)))
    quartet, entering, judged = stepped(cpu, pair)
    return quartet, entering, judged, led_along(quartet, entering, judged.judgements)


def test_the_true_rule_closes_there_and_another_does_not(drawn):
    """Also one that is right to ten digits, as it is said; without another draw everything does."""
    quartet, entering, _, trial = drawn
    rules = rules_of_reference(trial)
    another = AnotherDraw(trial, redrawn_steps(quartet, entering))
    assert another.closes(every_one(rules, rates=(0.03,)))
    assert another.closes(every_one(rules, rates=(0.03 + 1e-13,)))
    assert not another.closes(every_one(rules, rates=(0.0301,)))
    assert not another.closes(rules)
    assert AnotherDraw(trial, None).closes(rules)


def test_a_cause_that_does_not_close_there_is_not_certain(drawn, monkeypatch):
    """The doctor asks; a pair that does not stand other data has none that is."""
    quartet, entering, judged, trial = drawn
    other = redrawn_steps(quartet, entering)
    (cause,) = diagnose_updates(quartet, entering, judged, other).causes
    assert (cause.setting, cause.certain) == ("learning rate", True)
    monkeypatch.setattr(AnotherDraw, "closes", lambda self, rules: False)
    assert not [one for one in diagnose_updates(quartet, entering, judged, other).causes if one.certain]
    monkeypatch.undo()
    broken = replace(other, batches=())
    assert not AnotherDraw(trial, broken).closes(rules_of_reference(trial))
