"""Coverage and teeth: what they count, and that they are not decoration."""

from dataclasses import replace

import numpy as np
import pytest

from compare import certificates
from compare.certificates import coverage, teeth
from compare.pair import enter
from compare.precision import FLOAT32
from compare.quantity import Quantity, kind_of
from compare.quartet import Quartet
from tests.compare.faults import square


@pytest.fixture(scope="module")
def judged(cpu):
    """The sound pair, its first batch and its steps judged."""
    quartet = Quartet(square(), FLOAT32, cpu, cpu)
    entering = enter(quartet.pair, 0, 2).at(FLOAT32)
    t, j, t64, j64 = quartet.run(entering)
    found = quartet.judge(t, j, t64, j64)
    steps_t, steps_t64 = quartet.steps_reference(entering)
    steps_j, steps_j64 = quartet.steps_port(entering)
    found |= quartet.judge(steps_t, steps_j, steps_t64, steps_j64)
    return quartet, entering, [Quantity(name, kind_of(name), "batch", one) for name, one in found.items()], t64


def test_a_parameter_without_a_judged_gradient_is_not_compared(judged):
    """Each parameter needs its gradient and its update."""
    quartet, entering, quantities, t64 = judged
    assert coverage(quartet, entering, quantities, {}, {"batch": t64}).not_compared == ()
    fewer = [one for one in quantities if one.name not in ("grad/W1", "update/b0")]
    assert coverage(quartet, entering, fewer, {}, {"batch": t64}).not_compared == ("update/b0", "grad/W1")


def test_what_is_left_out_is_counted(judged):
    """Over all quantities, by reason."""
    quartet, entering, quantities, t64 = judged
    some = [replace(one, judgement=replace(one.judgement, fills=2, flushed=3, nonfinite=1)) for one in quantities[:2]]
    assert coverage(quartet, entering, some, {}, {"batch": t64}).left_out == {"fills": 4, "flushed": 6, "nonfinite": 2}


def test_teeth_run_every_mutant_through_every_check(judged):
    """Each mutant is caught where it can show, and not where it cannot."""
    quartet, entering, quantities, _ = judged
    caught = teeth(quartet, entering, quantities).caught
    assert "cotangent 1e-6 too large" in caught["gradient"]
    assert "cotangent 1e-6 too large" not in caught["output"]
    assert "labels shifted by one" not in caught["output"]
    assert "momentum 1e-6 too large" in caught["trajectory"]
    assert "momentum 1e-6 too large" not in caught["update"]
    assert "first square weight transposed" in caught["output"]


def test_a_check_that_no_mutant_reaches_is_toothless(judged, monkeypatch):
    """With mutants that change nothing, every check is: teeth are measured, not assumed."""
    quartet, entering, quantities, _ = judged
    monkeypatch.setattr(certificates, "mutants", lambda entering: {"nothing": entering})
    assert set(teeth(quartet, entering, quantities).toothless) == {"output", "loss", "gradient", "update", "trajectory"}


def test_equal_runs_are_uninformative(judged):
    """A quantity with the same bits on every probe, and only that."""
    quartet, entering, quantities, t64 = judged
    other = {name: array if name == "loss" else array + 1 for name, array in t64.items()}
    oracles = {"batch": t64, "normal": other}
    assert coverage(quartet, entering, quantities, {}, oracles).uninformative == ("loss",)
    assert np.array_equal(oracles["batch"]["loss"], oracles["normal"]["loss"])
