"""Where, when and why, read off the numbers of a training run. ``training`` makes one, for other tests too."""

from dataclasses import replace
from math import inf, nan
from typing import Any

import pytest

from compare.measure.drift import explain_drift
from compare.measure.trajectory import Epoch, GateFlip, Step, Training, TrainingPlan
from compare.verdict.verdict import Verdict

FLIP = GateFlip(step=2, image=41, unit=7, left=3e-9, right=-5e-9)
QUIET = {"drift_32": 0.0, "drift_64": 0.0, "envelope": 0.0, "departure": 0.0}


def step(number: int, **other: Any) -> Step:
    """A step of a sound pair, its drifts growing with its number."""
    sound = Step(
        epoch=1,
        step=number,
        loss_reference=2.5 / number,
        loss_port=2.5 / number + 1e-7,
        loss_gap_64=1e-16,
        verdict=Verdict.MATCH,
        worst="update/net.1.bias",
        used=0.25,
        sees=4e-13,
        drift_32=1.5e-7 * number,
        drift_64=3e-16 * number,
        envelope=2e-7 * number,
        departure=1.1e-7 * number,
        gates_32=0,
        gates_64=0,
        gates_departure=0,
    )
    return replace(sound, **other)


def training(*steps: Step, **other: Any) -> Training:
    """A training run of these steps, by default three of a sound pair."""
    made = Training(
        data="drawn by hand",
        device="cpu",
        plan=TrainingPlan(epochs=1, batch=5),
        verdict=Verdict.MATCH,
        steps=steps or (step(1), step(2), step(3)),
        epochs=(Epoch(1, 0.5, 0.25, 0.5, 0.5),),
        drift_by_parameter={
            "first": {"float32": 4.4e-7, "float64": 1e-16, "envelope": 1e-7},
            "second": {"float32": 7.7e-7, "float64": 1e-16, "envelope": 1e-7},
            "third": {"float32": 2.2e-7, "float64": 1e-16, "envelope": 1e-7},
        },
        first_flip=None,
        first_departure=None,
        first_failure="",
    )
    return replace(made, **other)


def test_where_names_the_largest_and_the_least_parameter() -> None:
    """Each with its own number."""
    where = explain_drift(training())["where"]
    assert "most in second (7.7e-07 of its size)" in where
    assert "least in third (2.2e-07)" in where


def test_when_gives_the_first_and_the_last_step() -> None:
    """1.5e-7 grows to 4.5e-7 in three steps, and no gate flips."""
    when = explain_drift(training())["when"]
    assert "(1.5e-07) to 4.5e-07 after step 3" in when
    assert "no ReLU gate differently" in when


def test_when_names_the_first_flip_and_counts_all() -> None:
    """The step, the image, the hidden unit and both pre-activations."""
    steps = step(1), step(2, gates_32=3), step(3, gates_32=4)
    when = explain_drift(training(*steps, first_flip=FLIP))["when"]
    assert "step 2, training image 41, hidden unit 7, pre-activation 3.0e-09 and -5.0e-09; 7 gates in all" in when
    assert "no ReLU gate" not in when


def test_why_holds_the_drift_against_the_noise_envelope() -> None:
    """4.5e-7 against 6e-7 is 0.75 of it; float64's 9e-16 is 2^-28.9 of float32's, the roundoffs predict 2^-29."""
    why = explain_drift(training())["why"]
    assert "is at 6.0e-07: the port's drift is 0.75 times" in why
    assert "its drift is 9.0e-16, 2^-28.9 of float32's" in why
    assert "predict 2^-29" in why
    assert "In float64 no gate differs" in why


def test_why_tells_how_a_flip_parts_float32_from_its_oracle() -> None:
    """From the distance of the step before to that of the last step."""
    why = explain_drift(training(first_departure=FLIP))["why"]
    assert "at step 2 float32 and its oracle set one differently (training image 41, hidden unit 7" in why
    assert "from 1.1e-07 to 3.3e-07 by the end" in why


def test_why_counts_the_gates_of_float64() -> None:
    """Summed over all steps."""
    steps = step(1, gates_64=2), step(2, gates_64=1)
    assert "In float64 3 gates differ." in explain_drift(training(*steps))["why"]


def test_a_flip_in_the_very_first_step_has_nothing_before_it() -> None:
    """There the distance before is zero, not the last step's."""
    why = explain_drift(training(first_departure=replace(FLIP, step=1)))["why"]
    assert "from 0.0e+00 to 3.3e-07" in why


@pytest.mark.parametrize("flip", [None, FLIP], ids=["no flip", "flip"])
@pytest.mark.parametrize("quiet", [QUIET, {**QUIET, "drift_32": 1e-7}, {**QUIET, "drift_64": 1e-16}])
def test_zero_drift_is_coped_with(quiet: dict[str, float], flip: GateFlip | None) -> None:
    """Nothing is divided by a zero or taken the logarithm of."""
    none = {"only": dict.fromkeys(("float32", "float64", "envelope"), 0.0)}
    steps = step(1, **quiet), step(2, **quiet)
    told = explain_drift(training(*steps, drift_by_parameter=none, first_flip=flip, first_departure=flip))
    assert list(told) == ["where", "when", "why", "sees"]
    assert not any("nan" in text or "inf" in text for text in told.values())


def test_no_drift_is_not_told_as_drift() -> None:
    """Runs that agree to the bit drift nowhere, and never began to."""
    none = {"only": dict.fromkeys(("float32", "float64", "envelope"), 0.0)}
    told = explain_drift(training(step(1, **QUIET), step(2, **QUIET), drift_by_parameter=none))
    assert not told["where"].startswith("In every parameter")
    assert not told["when"].startswith("From the first update on")


@pytest.mark.parametrize("value", [nan, inf])
def test_a_run_that_left_the_numbers_is_still_told(value: float) -> None:
    """A training that ends in NaN or infinity ends in texts too, not in an error."""
    gone = dict.fromkeys(QUIET, value)
    none = {"only": dict.fromkeys(("float32", "float64", "envelope"), value)}
    told = explain_drift(training(step(1), step(2, **gone), drift_by_parameter=none, first_departure=FLIP))
    assert all(told.values())
