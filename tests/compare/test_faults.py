"""Every planted fault is a mismatch where its row says, and is a fault by a measure that knows no judge."""

from dataclasses import replace

import numpy as np
import pytest

from compare.arrays.probes import full_batches
from compare.pair.prepare import prepare
from compare.sides.quartet import Quartet
from compare.sides.side import STEPS
from compare.verdict.precision import FLOAT32
from compare.verdict.thresholds import TRAINING_STEPS
from compare.verdict.verdict import Verdict
from compare.verification.verification import verify
from tests.compare.faults import FAULTS, Fault, square

END_TO_END = [
    fault for fault in FAULTS if fault.name in ("logits clipped at 4", "bias gradient stopped", "stale gradient added")
]


def four_runs(fault: Fault, cpu) -> tuple[Quartet, list]:
    """The four runs of the faulty pair on the named probe: outputs and gradients, or training steps."""
    pair = fault.plant(square())
    quartet = Quartet(prepare(pair), FLOAT32, cpu, cpu)
    entering = quartet.prepared.enter(0, TRAINING_STEPS).at(FLOAT32)
    if fault.probe != "batch":
        probe = full_batches(entering.batches[0], FLOAT32, 0)[fault.probe]
        entering = replace(entering, batches=(probe.at(FLOAT32),))
    if "update" not in fault.quantity:
        return quartet, list(quartet.run(entering))
    return quartet, list(quartet.run(entering, STEPS))


@pytest.fixture(scope="module", params=FAULTS, ids=lambda fault: fault.name)
def planted(request, cpu):
    """One fault, the judge's word on all its quantities, and the four arrays of the one it names."""
    fault = request.param
    quartet, runs = four_runs(fault, cpu)
    return fault, quartet.judge(*runs), [run[fault.quantity].astype(np.float64) for run in runs]


def test_a_planted_fault_is_a_mismatch(planted):
    """The quantity that the row names is a mismatch on the probe it names."""
    fault, judged, _ = planted
    assert judged[fault.quantity].verdict is Verdict.MISMATCH


def test_a_planted_fault_is_a_fault(planted):
    """Without the judge: the float64 runs differ by more than 10 times the larger float32 error."""
    _, _, (t, j, t64, j64) = planted
    effect = np.linalg.norm(t64 - j64)
    assert effect > 10 * max(np.linalg.norm(t - t64), np.linalg.norm(j - j64))


@pytest.mark.parametrize("fault", END_TO_END, ids=lambda fault: fault.name)
def test_verify_reports_a_fault_that_one_check_alone_sees(fault, cpu):
    """From the whole report: a probe, a gradient or a second step is all that shows it, and the pair fails."""
    report = verify(fault.plant(square()), cpu)
    wrong = {(quantity.name, quantity.probe) for quantity in report.quantities if quantity.verdict is Verdict.MISMATCH}
    assert (fault.quantity, fault.probe) in wrong
    assert report.verdict is Verdict.MISMATCH
    assert report.failed()


def test_the_sound_pair_matches(cpu):
    """Without a fault planted, the same pair is a match on every probe: what the faults change is theirs."""
    report = verify(square(), cpu)
    assert report.verdict is Verdict.MATCH
    assert report.notices == ()


def test_the_list_holds_the_faults_that_every_port_fears():
    """At least twelve, each by its own name."""
    names = [fault.name for fault in FAULTS]
    assert len(names) == len(set(names)) >= 12
