"""Changes put to the test: how many are allowed, and what becomes of one that does not run."""

from dataclasses import replace

import jax.numpy as jnp
import pytest
from torch import nn

from compare.explain.calls.change import Change
from compare.explain.doctor.segment.trials import Trials
from compare.explain.doctor.thresholds import MORE, RUNS, SECONDS
from tests.compare.explain.doctor.scenes import drawn, scene_of


class Doubled(nn.Module):
    def forward(self, x):
        return x * 2.0


@pytest.fixture
def scene():
    """The port multiplies by 3."""
    return scene_of(Doubled(), [drawn(4, 3)], lambda p, x: jnp.asarray(x) * 3.0)


def test_no_more_runs_than_allowed(scene):
    """The third of two is not made."""
    trials = Trials(scene, ["value"], runs=2)
    assert [trials.run(Change()) is not None for _ in range(3)] == [True, True, False]
    assert trials.count == 2


def test_a_quick_reference_gets_more_and_a_slow_one_does_not(scene):
    """By the fastest run so far."""
    quick, slow = Trials(scene, ["value"], count=RUNS), Trials(scene, ["value"], count=RUNS)
    slow.fastest = 2 * SECONDS / MORE
    assert (quick.left(), slow.left()) == (True, False)


def test_runs_can_be_set_aside(scene):
    """What is kept for pairs is not spent on single suspects."""
    trials = Trials(scene, ["value"], runs=3)
    assert (trials.left(kept=2), trials.left(kept=3)) == (True, False)


def test_a_change_that_raises_is_no_result(scene):
    """Nor is one that leaves a quantity out; both count as runs."""

    def fails(change):
        raise RuntimeError("shapes")

    trials = Trials(replace(scene, run=fails), ["value"])
    assert trials.run(Change()) is None
    assert Trials(replace(scene, run=lambda change: {}), ["value"]).run(Change()) is None
    assert trials.count == 1


def test_what_closes_the_gap_is_told(scene):
    """3 for 2, by the call's own number."""
    number = scene.calls[0].number
    right, wrong = (Change(calls={number: lambda f, args, kwargs, by=by: args[0] * by}) for by in (3.0, 2.5))
    trials = Trials(scene, ["value"])
    suspect = type("Suspect", (), {"change": right})
    assert trials.tried(suspect).closes
    assert not trials.tried(type("Suspect", (), {"change": wrong})).closes
    assert [one.closes for one in trials.made] == [True, False]
