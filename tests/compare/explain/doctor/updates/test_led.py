"""The reference led along the port's own trajectory, and run as a whole by other rules."""

from dataclasses import replace

import numpy as np
import optax
import pytest

from compare.arrays.batch import Batch
from compare.explain.doctor.updates.led import SAMPLE, led_along
from compare.explain.doctor.updates.recorded_steps import update_name
from compare.explain.doctor.updates.reference_rules import rules_of_reference
from compare.explain.doctor.updates.rules import every_one, usual
from compare.explain.doctor.updates.updates import diagnose_updates
from compare.sides.reference import ReferenceSide
from compare.sides.side import SideError
from tests.compare.explain.doctor.trained import O, made, stepped, tried
from tests.compare.small import dense_pair, loose_pair

USERS_MODELS = True
REFERENCE, PORT = made(O.SGD, lr=0.1, momentum=0.9), optax.sgd(0.25, 0.5)


def test_the_record_is_the_ports_trajectory(cpu):
    """Its parameters and updates; the gradients there are those that its own rules need to get there."""
    trial = tried(cpu, REFERENCE, PORT)
    replay = trial.replay
    assert (replay.steps, replay.unused, replay.ranks) == (3, False, (2, 1, 2, 1))
    for name in replay.names:
        for step in (1, 2):
            arrived = replay.before[step - 1][name] + replay.updates[step - 1][name]
            np.testing.assert_allclose(replay.before[step][name], arrived, rtol=1e-14)
        np.testing.assert_array_equal(replay.updates[1][name], trial.port[update_name(2, name)])
    rules = every_one(rules_of_reference(trial), rates=(0.25,), momentum=0.5)
    assert trial.gap(rules).closed
    assert not trial.gap(rules_of_reference(trial)).closed


def test_a_whole_run_confirms_what_the_record_shows(cpu):
    """By the right rules the reference goes where the port went; by its own it does not."""
    trial = tried(cpu, REFERENCE, PORT)
    right = every_one(rules_of_reference(trial), rates=(0.25,), momentum=0.5)
    assert trial.confirmed(right).closed
    own = trial.confirmed(rules_of_reference(trial))
    assert not own.closed
    assert own.worst > 0.1


def test_a_run_that_raises_confirms_nothing(cpu):
    """The rules led the model to where it does not stand."""
    trial = tried(cpu, REFERENCE, PORT)
    lost = replace(trial, entering=replace(trial.entering, batches=()))
    assert not lost.confirmed(rules_of_reference(trial)).closed


def test_of_large_parameters_whole_rows_are_kept(cpu):
    """At least one; the norms are those of everything."""
    wide = SAMPLE // 2
    pair = loose_pair(
        lambda p, x: x @ p["w"],
        lambda p, x: x @ p["w"],
        lambda rng: Batch.of(rng.standard_normal((3, 8), dtype=np.float32)),
        weights=lambda rng: {"w": rng.standard_normal((8, wide))},
        optimizers=(made(O.SGD, lr=0.1), optax.chain(optax.clip_by_global_norm(0.5), optax.sgd(0.1))),
    )
    quartet, entering, judged = stepped(cpu, pair)
    trial = led_along(quartet, entering, judged.judgements)
    assert trial.replay.before[0]["w"].shape == (2, wide)
    rules = (usual("SGD", rates=(0.1,), clip_norm=0.5),)
    assert trial.gap(rules).closed
    assert trial.confirmed(rules).closed
    assert trial.replay.norms[0] > 1.5 * np.linalg.norm(trial.replay.gradients[0]["w"])


def test_a_model_that_does_not_stand_the_ports_parameters_is_told(cpu, monkeypatch):
    """What it raises is the reference's."""

    def steps(*_):
        raise ValueError("a weight is negative")

    quartet, entering, judged = stepped(cpu, dense_pair(optimizers=(REFERENCE, PORT)))
    monkeypatch.setattr(ReferenceSide, "steps", steps)
    with pytest.raises(SideError, match="the reference raised ValueError: a weight is negative"):
        led_along(quartet, entering, judged.judgements)
    assert ": a weight is negative (" in diagnose_updates(quartet, entering, judged).observed[0]
