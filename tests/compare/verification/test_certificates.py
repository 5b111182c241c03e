"""Coverage and teeth: what they count, and that they are not decoration."""

from dataclasses import replace

import pytest

from compare.pair.prepare import prepare
from compare.sides.context import NOTHING_KNOWN
from compare.sides.quartet import Quartet
from compare.sides.side import STEPS
from compare.verdict.precision import FLOAT32
from compare.verdict.quantity import Quantity, kind_of_quantity
from compare.verdict.verdict import Verdict
from compare.verification import certificates
from compare.verification.certificates import Coverage, coverage, digest, teeth
from tests.compare.faults import square


@pytest.fixture(scope="module")
def judged(cpu):
    """The sound pair, its first batch and its steps judged."""
    quartet = Quartet(prepare(square()), FLOAT32, cpu, cpu)
    entering = quartet.prepared.enter(0, 2).at(FLOAT32)
    t, j, t64, j64 = quartet.run(entering)
    found = quartet.judge(t, j, t64, j64)
    found |= quartet.judge(*quartet.run(entering, STEPS))
    return quartet, entering, [Quantity(name, kind_of_quantity(name), "batch", one) for name, one in found.items()], t64


BOTH = {None: NOTHING_KNOWN, STEPS: NOTHING_KNOWN}


def covered(judged, quantities=None, oracles=None, changed=(), drawn=()) -> Coverage:
    """The coverage of the sound pair, but for what is given."""
    quartet, entering, all_of_them, t64 = judged
    runs = {"batch": t64} if oracles is None else oracles
    digests = {probe: {name: digest(array) for name, array in run.items()} for probe, run in runs.items()}
    return coverage(quartet, entering, quantities or all_of_them, {}, digests, set(changed), (), set(drawn), set())


def test_a_parameter_without_a_judged_gradient_is_not_compared(judged):
    """Each parameter needs its gradient and its update."""
    assert covered(judged).not_compared == ()
    fewer = [one for one in judged[2] if one.name not in ("grad/W1", "update/b0")]
    assert set(covered(judged, fewer).not_compared) == {"update/b0", "grad/W1"}


def test_an_invalid_quantity_was_not_compared(judged):
    """A gradient that could not be held against anything is no coverage."""
    broken = [
        replace(one, judgement=replace(one.judgement, verdict=Verdict.INVALID)) if one.name == "grad/b1" else one
        for one in judged[2]
    ]
    assert covered(judged, broken).not_compared == ("grad/b1",)


def test_what_changed_and_what_was_drawn_are_named(judged):
    """A constant that a run changed, and randomness that no mask replaced, each by its own list."""
    made = covered(judged, changed=("table",), drawn=("torch.rand in f.py:3",))
    assert made.not_compared == ("buffer table",)
    assert made.drawn == ("torch.rand in f.py:3",)


def test_what_is_left_out_is_counted(judged):
    """Over all quantities, by reason."""
    some = [replace(one, judgement=replace(one.judgement, fills=2, flushed=3, nonfinite=1)) for one in judged[2][:2]]
    assert covered(judged, some).left_out == {"fills": 4, "flushed": 6, "nonfinite": 2}


def test_teeth_run_every_mutant_through_every_check(judged):
    """Each mutant is caught where it can show, and not where it cannot."""
    quartet, entering, quantities, _ = judged
    caught = teeth(quartet, entering, quantities, BOTH).caught
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
    bitten = teeth(quartet, entering, quantities, BOTH)
    assert set(bitten.toothless) == {"output", "loss", "gradient", "update", "trajectory", "optimizer"}


def test_equal_runs_are_uninformative(judged):
    """A quantity with the same bits on every probe, and only that."""
    t64 = judged[3]
    other = {name: array if name == "loss" else array + 1 for name, array in t64.items()}
    oracles = {"batch": t64, "normal": other}
    assert covered(judged, oracles=oracles).uninformative == ("loss",)
