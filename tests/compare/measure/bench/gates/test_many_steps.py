"""Where many steps take the parameters."""

import numpy as np

from compare.measure.bench.gates.many_steps import many_steps, restarts
from compare.verdict.precision import FLOAT32
from tests.compare.measure.bench.gates.made_up import observed

RNG = np.random.default_rng(0)
START, EXACT = RNG.standard_normal(100), RNG.standard_normal(100) * 0.1


def off(by):
    return {"w": EXACT + RNG.standard_normal(100) * by}


PLAIN = observed("torch eager", steps=48, start={"w": START}, change=off(1e-7), change_64={"w": EXACT})


def row(change, change_64, steps=48):
    return observed(steps=steps, start={"w": START}, change=change, change_64=change_64)


def test_the_same_way_passes():
    """To rounding, which many steps amplify in both."""
    assert many_steps(row(off(1e-7), off(1e-16)), PLAIN, FLOAT32) == ""
    assert many_steps(row(off(4e-6), off(1e-16)), PLAIN, FLOAT32) == ""


def test_another_way_in_float64_is_told():
    """By the judge's rule: a learning rate off by a hundred-thousandth; what float32 itself rounds away is none."""
    assert "in float64, a gap of" in many_steps(row(off(1e-7), {"w": EXACT * (1 + 1e-5)}), PLAIN, FLOAT32)
    assert many_steps(row(off(1e-7), {"w": EXACT * (1 + 1e-9)}), PLAIN, FLOAT32) == ""


def test_what_is_timed_must_go_where_float64_goes():
    """The judge lets a row pass whose float32 does nothing: its error is its own tolerance."""
    sentence = many_steps(row({"w": np.zeros(100)}, off(1e-16)), PLAIN, FLOAT32)
    assert "of where float64 takes it in 48 steps" in sentence
    assert "torch eager is at" in sentence


def test_another_number_of_steps_is_told():
    """Nothing else can be."""
    assert "expected 48 steps, as torch eager made, got 40" in many_steps(row(off(0), off(0), 40), PLAIN, FLOAT32)


def test_a_restart_must_start_again():
    """To rounding: some sums on a card are in any order."""
    first = {"w": EXACT}
    again = observed(start={"w": START}, first=first, again={"w": EXACT * 1e-6})
    assert restarts(again, PLAIN) == ""
    elsewhere = observed(start={"w": START}, first=first, again={"w": EXACT * 0.5})
    assert "in the first call after restart()" in restarts(elsewhere, PLAIN)
