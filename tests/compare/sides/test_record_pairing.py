"""A port and a record that do not belong together are refused before anything is run."""

from dataclasses import replace

import numpy as np
import optax
import pytest
import torch

from compare.errors import UsageError
from compare.pair.pair import Pair
from compare.sides.plan import Plan
from compare.sides.record_file import ReferenceRecord
from compare.sides.record_pairing import prepare_recorded
from compare.sides.record_taking import take
from compare.verdict.precision import FLOAT32
from compare.verification.verification import Session
from tests.compare.small import loose_pair, norm_pair
from tests.compare.zoo import seeded
from tests.compare.zoo.complex_numbers import ComplexLayers, ComplexLinen, complex_rows

USERS_MODELS = True
SGD = (lambda p: torch.optim.SGD(p, lr=0.1), optax.sgd(0.1))


def test_the_pair_is_that_of_a_live_reference(cpu):
    """Weight map, modes and buffers; there are no values of the reference's own."""
    pair = norm_pair(weight_map=None)
    prepared = prepare_recorded(pair, take(pair, cpu, FLOAT32, Plan(quick=True), cpu))
    assert prepared.buffers == ("1.running_mean", "1.running_var")
    assert prepared.constants == ("1.num_batches_tracked",)
    assert prepared.modes == (True, False)
    assert prepared.shapes["0.weight"] == (5, 4)
    assert prepared.own == {}


@pytest.mark.parametrize(
    ("recorded", "fields", "complaint"),
    [
        ({}, {"port": None}, "there is no port"),
        ({"optimizers": SGD}, {}, "made with optimizers"),
        ({"loss": (lambda out: out.sum(), None)}, {}, "made with a loss"),
        ({}, {"loss": (None, lambda out: out.sum())}, "made without a loss"),
    ],
)
def test_what_does_not_belong_together_is_refused(cpu, recorded, fields, complaint):
    """In one line that says which of the two has what the other lacks."""
    record = take(loose_pair(lambda p, x: x * p["w"], None, **recorded), cpu, FLOAT32, Plan(quick=True), cpu)
    pair = loose_pair(None, fields.pop("port", lambda p, x: x * p["w"]), np.ones((2, 4), np.float32), **fields)
    with pytest.raises(UsageError, match=complaint):
        prepare_recorded(pair, record)


def test_complex_numbers_are_known_from_the_record(cpu, tmp_path):
    """What is complex, both parts of every array, and the map."""
    pair = Pair(seeded(ComplexLayers)(), ComplexLinen(), complex_rows, optimizers=SGD)
    plan = Plan(quick=True)
    take(pair, cpu, FLOAT32, plan, cpu).save(tmp_path / "record.npz")
    record = ReferenceRecord.load(tmp_path / "record.npz")
    prepared = prepare_recorded(pair, record)
    assert prepared.reference.complex_names == {"first.weight", "first.bias", "second.weight"}
    report = Session(replace(pair, reference=None), cpu, FLOAT32, plan, None, record).verify()
    assert {str(one.verdict) for one in report.quantities} == {"match"}
    assert any(np.iscomplexobj(one.judgement.worst.reference) for one in report.quantities)
    wrong = replace(pair, reference=None, port=ComplexLinen(conjugated=True))
    assert Session(wrong, cpu, FLOAT32, plan, None, record).verify().verdict == "mismatch"
