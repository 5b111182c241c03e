"""What is said of an update rule, in a line."""

import subprocess
import sys
from pathlib import Path

import pytest

from compare.verdict.quantity import Quantity
from compare.verdict.verdict import Judgement, Verdict
from compare.verification.rule_report import ON_RECORD, UpdateRule

ROOT = Path(__file__).parents[3]


def judged(verdict):
    return (Quantity("rule/steps1-8", "rule", "batch", Judgement(verdict)),)


@pytest.mark.parametrize(
    ("rule", "text"),
    [
        (ON_RECORD, "not judged apart from the model: the reference is on record"),
        (UpdateRule(judged(Verdict.MATCH), 256), "256 steps; match"),
        (
            UpdateRule(judged(Verdict.MATCH), 2000, clipped=700, milestones=(30, 60, 90, 120), schedules=10_000),
            "2,000 steps, clip acted in 700, milestones 30, 60, 90 and 1 more passed, schedules as functions to step "
            "10,000; match",
        ),
        (
            UpdateRule(judged(Verdict.MISMATCH), 64, rates=(1e-4, 0.1), differs=6, not_seen=("clip, idle",)),
            "64 steps, learning rates from 0.0001 to 0.1; mismatch from step 6 on; not seen: clip, idle",
        ),
    ],
    ids=["on record", "plain", "scheduled", "differs"],
)
def test_what_was_seen_and_what_was_not(rule, text):
    """Steps, clips, milestones or rates, schedules, the verdict, and what nobody saw."""
    assert rule.text == text


def test_the_verdict_is_the_worst_of_its_quantities():
    """None where it was not judged."""
    assert UpdateRule((*judged(Verdict.MATCH), *judged(Verdict.MISMATCH))).verdict is Verdict.MISMATCH
    assert ON_RECORD.verdict is None


def test_it_needs_neither_framework():
    """A port is judged against a record where torch is not installed."""
    program = "import sys, compare.verification.rule_report; print({'torch', 'jax'} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True, cwd=ROOT)
    assert done.stdout.strip() == "set()"
