"""How often the reference may be run, by how much it computes."""

import time
from dataclasses import replace

import numpy as np
import torch

from compare.explain.calls.call import Call, Described
from compare.explain.doctor.budget import Budget, work_of
from compare.explain.doctor.thresholds import FITS, MORE, PAIRS, RUNS, SMALL
from compare.explain.doctor.trials import Search
from tests.compare.explain.doctor.segment.test_observed import scene


def test_a_small_reference_gets_more_and_a_large_one_does_not():
    """By what one run computes."""
    small, large = Budget(count=RUNS), Budget(count=RUNS, work=SMALL)
    assert (small.left(), large.left()) == (True, False)


def test_runs_can_be_set_aside():
    """What is kept for numbers and pairs is not spent on single suspects, and no more than half of all is kept."""
    budget = Budget(runs=3)
    assert (budget.left(kept=2), budget.left(kept=3)) == (True, False)
    assert budget.for_later == 1
    large, small = Budget(work=SMALL), Budget()
    assert PAIRS + FITS == large.for_later < small.for_later < MORE // 2


def test_a_slow_processor_takes_no_runs_away(monkeypatch):
    """Whatever a clock says, as many runs are made."""
    clock = iter(range(0, 10**9, 1000))
    monkeypatch.setattr(time, "process_time", lambda: float(next(clock)))
    search = Search(lambda change: {}, lambda a, b: a, {}, {}, {}, [])
    runs = 0
    while search.under({}) is not None:
        runs += 1
    assert runs == MORE


def test_the_work_of_a_run_is_its_calls_and_what_they_hold():
    """A call late in the pass, a large one, and a backward pass each make it more."""
    plain = scene(np.zeros(1), np.zeros(1))

    def work(number, width, direction="forward"):
        tensor = Described((width, width), "float64", False)
        call = Call(number, "relu", (tensor,), {}, "m.py:1", "", tensor, torch.relu)
        return work_of(replace(plain, calls=(call,), direction=direction))

    assert work_of(plain) == 0
    assert work(1, 4) == 2 * work(0, 4) < SMALL < work(1, 2000)
    assert work(1, 4, "backward") == 3 * work(1, 4)
