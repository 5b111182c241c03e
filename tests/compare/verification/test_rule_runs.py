"""Four runs of an update rule by blocks: each block alone is judged, and what first differs is found."""

import numpy as np

from compare.sides.reference_rule import ReferenceRule
from compare.verdict.precision import FLOAT32
from compare.verdict.verdict import Verdict
from compare.verification.rule_runs import RuleRuns, is_match


def runs(off: int | None = None, by: float = 1e-3, steps: int = 40) -> RuleRuns:
    """Steps of one size on three entries; the port's are off from a step on, in the last entry."""
    rng = np.random.default_rng(0)
    updates = rng.uniform(0.5, 1.5, (steps, 3))
    moved = updates.copy()
    if off is not None:
        moved[off - 1 :, 2] *= 1 + by
    t64, j64 = (np.concatenate([np.zeros((1, 3)), np.cumsum(made, axis=0)]) for made in (updates, moved))
    t, j = (run.astype(np.float32).astype(np.float64) for run in (t64, j64))
    return RuleRuns(t, j, ReferenceRule(t64, np.zeros(steps, bool)), j64, np.arange(3), FLOAT32)


def test_blocks_double_and_end_with_the_steps():
    """None is left out."""
    judged = runs().blocks(40)
    assert [*judged] == ["rule/steps1-8", "rule/steps9-16", "rule/steps17-32", "rule/steps33-40"]
    assert is_match(judged)
    assert [*runs().blocks(12)] == ["rule/steps1-8", "rule/steps9-12"]


def test_a_difference_is_in_its_block_and_step():
    """What is before it matches; the entry that is farthest apart is named."""
    apart = runs(off=19)
    assert [one.verdict for one in apart.blocks(40).values()] == [
        Verdict.MATCH, Verdict.MATCH, Verdict.MISMATCH, Verdict.MISMATCH,
    ]  # fmt: skip
    assert apart.first_apart(40) == 19
    assert apart.farthest(19) == 2


def test_as_many_steps_as_all_made_are_compared():
    """A schedule that ended on one side ends the comparison."""
    whole = runs()
    short = RuleRuns(whole.t[:11], whole.j, whole.exact, whole.j64, whole.compared, FLOAT32)
    assert short.steps == 10
    assert [*short.blocks(short.steps)] == ["rule/steps1-8", "rule/steps9-10"]
