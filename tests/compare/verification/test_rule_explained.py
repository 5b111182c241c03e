"""Where an update rule differs, and why: in the pair's report, where nothing else does."""

import optax
import pytest
import torch

from compare.pair.pair import Optimizers
from compare.verdict.verdict import Verdict
from compare.verification.verification import Plan, verify
from tests.compare.small import dense_pair
from tests.compare.verification.test_update_rule import FAULTS

USERS_MODELS = True


@pytest.mark.parametrize(
    ("name", "quantity", "cause"),
    [
        ("a milestone one step late", "rule/steps17-32", "learning rate"),
        ("a late milestone forgotten", "rule/schedule", None),
    ],
)
def test_a_rule_that_differs_alone_is_placed_and_named(name, quantity, cause, cpu):
    """At the optimizers, by the first block; the cause where the step is near enough."""
    reference, port, _ = FAULTS[name]
    report = verify(dense_pair(optimizers=Optimizers(reference, lambda: port)), cpu, plan=Plan(quick=True))
    assert report.verdict is Verdict.MISMATCH
    assert {one.kind for one in report.quantities if one.verdict is not Verdict.MATCH} == {"rule"}
    assert report.explanation is not None
    assert report.explanation.first is not None
    first = report.explanation.first
    assert (first.direction, first.reference, first.quantity) == ("update", "optimizer", quantity)
    assert [one.cause.setting for one in report.explanation.causes] == ([cause] if cause else [])


def test_a_sound_rule_is_said_in_the_report(cpu):
    """As a row of its own kind, and without a notice."""
    optimizers = (lambda p: torch.optim.SGD(p, 0.1), optax.sgd(0.1))
    report = verify(dense_pair(optimizers=optimizers), cpu, plan=Plan(quick=True))
    assert report.verdict is Verdict.MATCH
    assert report.update_rule is not None
    assert report.update_rule.text == "256 steps; match"
    assert report.coverage.counts["rule"] == len(report.update_rule.quantities) == 6
    assert report.notices == ("quick: no probes and no mutants were run",)
