"""How often the reference may be run, by how quick it is."""

from compare.explain.doctor.budget import Budget
from compare.explain.doctor.thresholds import FITS, MORE, PAIRS, RUNS, SECONDS


def test_a_quick_reference_gets_more_and_a_slow_one_does_not():
    """By the fastest run so far."""
    quick, slow = Budget(count=RUNS), Budget(count=RUNS, fastest=2 * SECONDS / MORE)
    assert (quick.left(), slow.left()) == (True, False)


def test_runs_can_be_set_aside():
    """What is kept for numbers and pairs is not spent on single suspects, and no more than half of all is kept."""
    budget = Budget(runs=3)
    assert (budget.left(kept=2), budget.left(kept=3)) == (True, False)
    assert budget.for_later == 1
    slow, quick = Budget(fastest=2 * SECONDS / MORE), Budget()
    assert PAIRS + FITS == slow.for_later < quick.for_later < MORE // 2
