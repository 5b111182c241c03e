"""The reference alone, run on everything that the judge will ask for."""

import numpy as np
import optax
import pytest
import torch

from compare.errors import UsageError
from compare.sides.plan import Plan
from compare.sides.record_taking import take
from compare.verdict.precision import FLOAT32
from compare.verdict.thresholds import RERUNS
from tests.compare.small import loose_pair, norm_pair

SGD = (lambda p: torch.optim.SGD(p, lr=0.1, momentum=0.9), optax.sgd(0.1, 0.9))


def test_every_run_is_taken_once(cpu):
    """The batch, each probe and four neighbours of each, at three precisions; the steps at three. Of the re-runs nearby
    one entry for each probe, and no arrays."""
    pair = loose_pair(lambda p, x: x * p["w"], None)
    quick = take(pair, cpu, FLOAT32, Plan(quick=True), cpu)
    assert len(quick.facts["runs"]) == 3 * 5 + 1
    whole = take(pair, cpu, FLOAT32, Plan(), cpu)
    batches = {key.split()[2] for key in whole.facts["runs"]}
    near = [entry for key, entry in whole.facts["runs"].items() if key.startswith("nearby ")]
    assert len(whole.facts["runs"]) == 3 * len(batches) + len(near)
    assert len(batches) == 5 * len(near) - 4  # what is subnormal is moved as zeros are, to the same four
    assert len(near) > 6
    assert all(len(entry["raised"]) == RERUNS and 0 <= entry["largest"]["output"] < 1e-2 for entry in near)
    assert len(batches) > 30
    stepped = take(norm_pair(optimizers=SGD), cpu, FLOAT32, Plan(quick=True), cpu)
    assert sum(" steps " in key for key in stepped.facts["runs"]) >= 3
    assert "state/1.running_var" in next(iter(stepped.facts["runs"].values()))["arrays"][0]


def test_what_raises_is_recorded_as_that(cpu):
    """On a probe; on the pair's own batch there is nothing to record."""

    def picky(p, x):
        if float(x.detach().abs().max()) > 100:
            raise ValueError("inputs are expected below 100")
        return x * p["w"]

    record = take(loose_pair(picky, None), cpu, FLOAT32, Plan(), cpu)
    runs = {key: entry for key, entry in record.facts["runs"].items() if not key.startswith("nearby ")}
    raised = [entry["raised"] for entry in runs.values() if "raised" in entry]
    said = {text.partition(" (")[0] for text in raised}
    assert said == {"the reference raised ValueError: inputs are expected below 100"}
    assert len(raised) < len(runs) / 2
    large = loose_pair(picky, None, np.full((2, 4), 1000, np.float32))
    with pytest.raises(UsageError, match="inputs are expected below 100"):
        take(large, cpu, FLOAT32, Plan(), cpu)


def test_without_a_reference_there_is_nothing_to_record(cpu):
    with pytest.raises(UsageError, match="there is no reference to record"):
        take(loose_pair(None, lambda p, x: x), cpu, FLOAT32, Plan(), cpu)
