"""The reference's side from its record returns what the live one does."""

from dataclasses import replace

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
import torch

from compare.errors import UsageError
from compare.pair.prepare import prepare
from compare.sides.plan import Plan
from compare.sides.quartet import ORACLE, PROMOTED, WORKING, Quartet
from compare.sides.record_side import recorded_side
from compare.sides.record_taking import take
from compare.sides.side import RecordedError
from compare.verdict.precision import FLOAT32
from compare.verdict.verdict import Verdict
from compare.verification.verification import Session
from tests.compare.small import X, loose_pair, norm_pair

SGD = (lambda p: torch.optim.SGD(p, lr=0.1, momentum=0.9), optax.sgd(0.1, 0.9))


@pytest.fixture(scope="module")
def sides(cpu):
    """A record of the network with batch norm, what entered, and the pair it belongs to."""
    pair = norm_pair(optimizers=SGD)
    record = take(pair, cpu, FLOAT32, Plan(quick=True, steps=2), cpu)
    prepared = prepare(pair)
    return record, prepared, record.entering(prepared.buffers)


@pytest.mark.parametrize("which", [WORKING, ORACLE, PROMOTED])
def test_a_run_is_what_the_live_side_returns(sides, cpu, which):
    """To the last bit, in training, in evaluation and in steps; with what else is known of it."""
    record, prepared, entering = sides
    quartet = replace(Quartet(prepared, FLOAT32, cpu, cpu), promoted=which == PROMOTED)
    live = quartet.reference if which == WORKING else quartet.reference_64
    recorded = recorded_side(record, prepared, which)
    for ran, again in (
        (live.run(entering, True), recorded.run(entering, True)),
        (live.run(entering, False), recorded.run(entering, False)),
        (live.steps(entering), recorded.steps(entering)),
    ):
        assert list(again) == list(ran)
        for name, array in ran.items():
            np.testing.assert_array_equal(again[name], array)
        assert (again.variances, again.dropouts, again.changed) == (ran.variances, ran.dropouts, ran.changed)


def test_a_buffer_that_the_port_lacks_is_left_out(sides):
    """In a run and in steps."""
    record, prepared, entering = sides
    side = recorded_side(record, replace(prepared, buffers=("1.running_mean",)), WORKING)
    states = {name for name in (*side.run(entering, True), *side.steps(entering)) if "state/" in name}
    assert states == {"state/1.running_mean", "after/state/1.running_mean"}


def test_a_run_that_is_not_there_is_refused(sides):
    """What enters is another batch: nothing is made up."""
    record, prepared, entering = sides
    other = replace(entering, batches=(entering.batches[0].mapped(lambda _, array: array + 1),))
    with pytest.raises(UsageError, match="the record holds no working run"):
        recorded_side(record, prepared, WORKING).run(other, True)


def test_a_gradient_that_differs_is_judged_against_a_quick_record(cpu):
    """Whether it lies on a kink is asked of the batch's neighbours: they are on record too."""
    reference = loose_pair(lambda p, x: x * p["w"], None)
    record = take(reference, cpu, FLOAT32, Plan(quick=True), cpu)
    port = loose_pair(None, lambda p, x: x * jax.lax.stop_gradient(p["w"]))
    report = Session(port, cpu, record=record).verify()
    assert report.verdict is Verdict.MISMATCH


def in_float32_alone(p, x):
    if (torch.is_floating_point(x) and x.dtype != torch.float32) or p["w"].dtype != torch.float32:
        raise TypeError("float32 is expected")
    return torch.tanh(x * p["w"])


def tanh(p, x):
    return torch.tanh(x * p["w"])


def jax_tanh_in_float32_alone(p, x):
    if p["w"].dtype != jnp.float32:
        raise TypeError("float32 is expected")
    return jnp.tanh(x * p["w"])


QUICK, PROBED = Plan(quick=True, locate=False), Plan(locate=False)
REFERENCES = [
    pytest.param(in_float32_alone, lambda p, x: jnp.tanh(x * p["w"]), plan, integers, id=f"reference, {name}, {kind}")
    for plan, name in ((QUICK, "quick"), (PROBED, "probed"))
    for integers, kind in ((False, "floats"), (True, "integers"))
]
PORT = pytest.param(tanh, jax_tanh_in_float32_alone, PROBED, False, id="port, probed, floats")


@pytest.mark.parametrize("factor", [1.0, 1.00001], ids=["sound", "wrong"])
@pytest.mark.parametrize(("reference", "port", "plan", "integers"), [*REFERENCES, PORT])
def test_without_an_oracle_the_record_judges_as_a_live_reference(cpu, factor, plan, integers, reference, port):
    """Probes and training steps among it, whichever side cannot run in float64: how far the reference's re-runs nearby
    deviate is on record, those of the weights where no input floats."""
    x = np.arange(24).reshape(6, 4) % 5 if integers else X
    pair = loose_pair(reference, lambda p, x: port(p, x) * factor, x, optimizers=SGD)
    with jax.numpy_dtype_promotion("standard"):
        live = Session(pair, cpu, plan=plan).verify()
        record = take(replace(pair, port=None), cpu, FLOAT32, plan, cpu)
        judged = Session(pair, cpu, record=record).verify()
    assert live.verdict is (Verdict.FLOAT32_ONLY if factor == 1.0 else Verdict.MISMATCH)
    assert judged.verdict is live.verdict
    assert judged.quantities == tuple(
        one for one in live.quantities if one.kind != "rule"
    )  # of which a record has none


def test_what_the_reference_raised_is_said_once(cpu):
    """In the words of then."""

    def picky(p, x):
        if x.dtype != torch.float32:
            raise TypeError("float32 is expected")
        return x * p["w"]

    pair = loose_pair(picky, lambda p, x: x * p["w"])
    record = take(pair, cpu, FLOAT32, Plan(quick=True), cpu)
    prepared = prepare(pair)
    quartet = Quartet(prepared, FLOAT32, cpu, cpu, lambda which: recorded_side(record, prepared, which))
    entering = record.entering(())
    assert set(quartet.working_reference(entering)) >= {"output"}
    with pytest.raises(RecordedError, match=r"^the reference raised TypeError: float32 is expected \(.*:\d+\)$"):
        quartet.oracle_reference(entering)
