"""Every row of the registry buys the same checks: output, loss, gradients, updates, a trajectory, certificates."""

import numpy as np
import pytest

from compare.errors import UsageError
from compare.pair import pairs
from compare.verdict.precision import BFLOAT16
from compare.verdict.quantity import KINDS
from compare.verdict.verdict import Verdict
from compare.verification.verification import verify

pytestmark = pytest.mark.optimized
CHECKS = set(KINDS) - {"statistics"}  # no pair of the project has buffers


@pytest.fixture(scope="module", params=pairs.REGISTRY)
def report(request, cpu):
    """The full default report on one pair."""
    return verify(pairs.find(request.param), cpu)


def test_every_quantity_matches(report):
    """Outputs, losses, gradients, updates, on every probe, and by hand."""
    assert {(q.name, q.probe): q.verdict for q in report.quantities if q.verdict is not Verdict.MATCH} == {}
    assert report.verdict is Verdict.MATCH
    assert {quantity.kind for quantity in report.quantities} == CHECKS


def test_nothing_is_left_out_unsaid(report):
    """Every parameter's gradient and update, nothing that never changes, every probe."""
    assert report.coverage.not_compared == ()
    assert report.coverage.uninformative == ()
    assert report.coverage.skipped == {}
    assert len(report.coverage.probes) == 9
    assert report.notices == ()


def test_every_check_has_teeth(report):
    """At least one mutant for each check, and each hyper-parameter's is caught."""
    assert set(report.teeth.caught) == CHECKS
    assert report.teeth.toothless == ()
    everything = {name for names in report.teeth.caught.values() for name in names}
    assert everything == set(report.teeth.mutants)


def test_the_judge_would_have_seen_a_difference_of_1e_10(report):
    """Detection limits, on every quantity that is not zero; where a probe's inputs are thousands of times larger than
    the batch's, a weight's gradient is seen that much less sharply."""
    for one in report.quantities:
        if one.judgement.scale > 0:
            large = one.probe in ("offset", "saturated") and one.kind == "gradient"
            assert one.judgement.detection_limit < (1e-8 if large else 1e-10), (one.name, one.probe)


def test_three_opinions_agree(report):
    """Each framework against the backward pass by hand, on every gradient."""
    names = {quantity.name for quantity in report.quantities if quantity.kind == "by_hand"}
    gradients = {quantity.name for quantity in report.quantities if quantity.kind == "gradient"}
    assert gradients
    assert {f"by_hand/{side}/{name}" for side in ("reference", "port") for name in gradients} <= names


def test_the_mlp_is_the_mlp():
    """101,770 parameters, 64 real images, labels of their own."""
    pair = pairs.find("mlp")
    batch = pair.draw(np.random.default_rng(0))
    assert sum(array.size for array in pair.weights(np.random.default_rng(0)).values()) == 101_770
    assert batch.inputs["images"].shape == (64, 1, 28, 28)
    assert set(batch.targets["labels"]) == set(range(10))


def test_the_small_case_has_the_texts_sizes():
    """Batch 16, 20 inputs, 32 hidden, 4 classes, loose tensors."""
    pair = pairs.find("loose")
    shapes = {name: array.shape for name, array in pair.weights(np.random.default_rng(0)).items()}
    assert shapes == {"W1": (32, 20), "b1": (32,), "W2": (4, 32), "b2": (4,)}
    assert pair.draw(np.random.default_rng(0)).inputs["x"].shape == (16, 20)


def test_every_pair_matches_in_bfloat16(cpu):
    """Another working precision, the same oracles."""
    for name in pairs.REGISTRY:
        report = verify(pairs.find(name), cpu, precision=BFLOAT16)
        assert report.verdict is Verdict.MATCH
        assert report.precision is None


def test_an_unknown_pair_is_one_clear_line():
    """With the names there are."""
    with pytest.raises(UsageError, match="unknown pair 'mpl': expected one of mlp, loose"):
        pairs.find("mpl")


@pytest.mark.parametrize("rows", [0, 4001])
def test_a_batch_must_fit_the_data(rows):
    """Neither empty nor larger than what there is to draw from."""
    with pytest.raises(UsageError, match=f"--batch {rows}: expected 1 to 4000 rows"):
        pairs.find("mlp", rows=rows)
