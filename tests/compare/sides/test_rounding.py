"""What float32 does not resolve is judged by what rounding does in float64, and by no more than that."""

from dataclasses import replace

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import torch

from compare.arrays.probes import BASE
from compare.sides import judging
from compare.sides.context import Oracles
from compare.sides.judging import judge_port, reference_runs
from compare.sides.plan import Plan
from compare.sides.record_taking import take
from compare.sides.rounding import BENEATH, MEASURED, may_be_unresolved
from compare.verdict.precision import FLOAT32
from compare.verdict.quantity import Quantity, kind_of_quantity
from compare.verdict.verdict import Judgement, Verdict
from compare.verification.certificates import teeth
from compare.verification.learning import context_of
from compare.verification.verification import verify
from tests.compare.sides.judged import judge, together, verdicts
from tests.compare.small import loose_pair

USERS_MODELS = True
# 1 - tanh**2 is between 1e-16 and 1e-12 here: 0 in float32, a cancellation in float64.
SATURATED = np.linspace(14.5, 18.5, 24, dtype=np.float32).reshape(6, 4)
BESIDE = np.concatenate([SATURATED, np.linspace(-2, 2, 12, dtype=np.float32).reshape(3, 4)])
ONES = {"weights": lambda rng: {"w": np.ones(4)}}


class Tanh(torch.autograd.Function):
    """tanh as both libraries have it, with a derivative that cancels; the same wherever it is computed."""

    @staticmethod
    def forward(ctx, v):
        y = 1 - 2 / (torch.exp(2 * v) + 1)
        ctx.save_for_backward(y)
        return y

    @staticmethod
    def backward(ctx, dy):
        (y,) = ctx.saved_tensors
        return dy * (1 - y * y)


def reference(p, x):
    return 1000 * Tanh.apply(x * p["w"])


def hyperbolic(slope=1.0, of=lambda v: v, derivative=lambda v, y: 1 / jnp.cosh(v) ** 2):
    """tanh whose derivative does not cancel; a fault in it, or in the function."""

    @jax.custom_jvp
    def tanh(v):
        return 1 - 2 / (jnp.exp(2 * of(v)) + 1)

    @tanh.defjvp
    def rule(primals, tangents):
        (v,), (dv,) = primals, tangents
        return tanh(v), slope * dv * derivative(of(v), tanh(v))

    return lambda p, x: 1000 * tanh(x * p["w"])


def gradients(judged):
    return {name: one for name, one in judged.judgements.items() if name.startswith("grad/")}


def test_a_gradient_that_is_zero_in_float32_is_judged_by_rounding_in_float64(cpu):
    """torch's derivative cancels, the port's does not: they differ by a thousandth, and rounding explains it. What is
    allowed is said, and so is why."""
    judged = judge(cpu, loose_pair(reference, hyperbolic(), SATURATED, **ONES))
    assert verdicts(judged.judgements) == {Verdict.MATCH}
    for one in gradients(judged).values():
        assert one.reason == MEASURED
        assert 1e-6 < one.gap / one.scale < 1
        assert one.gap < one.allowed < 1e3 * one.scale
        assert one.error_reference == pytest.approx(one.scale)
        assert one.detection_limit > 1e-3


def test_without_it_that_is_a_mismatch(cpu, monkeypatch):
    """The working precision's errors say nothing of it."""
    monkeypatch.setattr(judging, "by_rounding_measured", lambda *given: {})
    judged = judge(cpu, loose_pair(reference, hyperbolic(), SATURATED, **ONES))
    assert verdicts(gradients(judged)) == {Verdict.MISMATCH}


FAULTS = {
    "the function off by 1e-9": hyperbolic(of=lambda v: v * (1 + 1e-9)),
    "an epsilon": hyperbolic(of=lambda v: v + 1e-8),
    "the slope off by 1e-6": hyperbolic(slope=1 + 1e-6),
    "the slope off by 1e-9": hyperbolic(slope=1 + 1e-9),
    "the slope negated": hyperbolic(slope=-1.0),
    "the slope dropped": hyperbolic(slope=0.0),
}


@pytest.mark.parametrize("name", FAULTS)
def test_a_fault_shows_beside_what_is_saturated(name, cpu):
    """Rows that are not saturated stand in the same batch: whatever rounding is measured to be, it is far below."""
    assert verdicts(judge(cpu, loose_pair(reference, hyperbolic(), BESIDE, **ONES)).judgements) == {Verdict.MATCH}
    judged = judge(cpu, loose_pair(reference, FAULTS[name], BESIDE, **ONES)).judgements
    assert judged["grad/w"].verdict is Verdict.MISMATCH
    assert judged["grad/input.input0"].verdict is Verdict.MISMATCH
    assert MEASURED not in {one.reason for one in judged.values() if one.verdict is Verdict.MISMATCH}


def test_a_wrong_function_shows_where_all_is_saturated(cpu):
    """Outputs resolve what gradients do not: 1000 for 1000 (1 + 1e-9)."""

    def port(p, x):
        return (1 + 1e-9) * hyperbolic()(p, x)

    assert judge(cpu, loose_pair(reference, port, SATURATED, **ONES)).judgements["output"].verdict is Verdict.MISMATCH


def test_only_a_gap_that_rounding_can_leave_is_measured(cpu):
    """A mismatch, no larger than a few of the working precision's errors: nothing else costs another run."""
    unresolved = Judgement(Verdict.MISMATCH, gap=2.0, error_reference=1.0, error_port=1.0, quiet=1.0)
    assert may_be_unresolved(unresolved)
    assert not may_be_unresolved(replace(unresolved, gap=5.0))
    assert not may_be_unresolved(replace(unresolved, verdict=Verdict.MATCH))


def test_rounded_oracles_are_other_oracles(cpu):
    """They differ from float64's by what 46 bits do, on both sides, plain and promoted; the plain ones stay."""
    quartet, entering = together(cpu, loose_pair(reference, hyperbolic()))
    for promoted in (False, True):
        plain = quartet.using(Oracles(cpu, promoted))
        rounding = quartet.using(Oracles(cpu, promoted, rounded=True))
        assert rounding.oracles.rounded
        t64, j64 = plain.oracle_reference(entering)["output"], plain.oracle_port(entering)["output"]
        for exact, run in ((t64, rounding.oracle_reference(entering)), (j64, rounding.oracle_port(entering))):
            apart = float(np.linalg.norm(run["output"] - exact) / np.linalg.norm(exact))
            assert 2.0**-50 < apart < 2.0**-42
        np.testing.assert_array_equal(plain.oracle_reference(entering)["output"], t64)


def test_against_a_record_the_ports_own_rounding_counts(cpu):
    """The reference cannot be run again."""
    cancelling = hyperbolic(derivative=lambda v, y: 1 - y * y)
    pair = loose_pair(lambda p, x: 1000 * (1 - 2 / (torch.exp(2 * x * p["w"]) + 1)), cancelling, SATURATED, **ONES)
    record = take(pair, cpu, FLOAT32, Plan(quick=True), cpu)
    report = verify(pair, cpu, plan=Plan(quick=True), record=record)
    assert report.verdict is Verdict.MATCH
    assert MEASURED in {one.judgement.reason for one in report.quantities}


def test_a_mutant_proves_nothing_on_what_was_measured(cpu):
    """It differs in every run, by float64's rounding: that it differs in a mutant's is no bite."""
    quartet, entering = together(cpu, loose_pair(reference, hyperbolic(), SATURATED, **ONES))
    judged = judge_port(quartet, entering, None, *reference_runs(quartet, entering, None))
    quantities = [Quantity(name, kind_of_quantity(name), BASE, one) for name, one in judged.judgements.items()]
    bitten = teeth(quartet, entering, quantities, {None: context_of(judged, entering)})
    assert bitten.caught["output"]
    assert set(bitten.caught) == {"output"}


def low_reference(p, x):
    return torch.tanh((x.bfloat16() * p["w"].bfloat16()).to(x.dtype))


def low_port(scale):
    """The same product in bfloat16, and what comes of it times ``scale``."""

    def port(p, x):
        return jnp.tanh((x.astype(jnp.bfloat16) * p["w"].astype(jnp.bfloat16)).astype(x.dtype)) * scale

    return port


@pytest.mark.parametrize("factor", [3e-10, 1e-7, 1e-3])
def test_what_both_sides_round_excuses_no_fault(cpu, factor):
    """The runs at the working precision err as bfloat16 does; float64, in which it is raised, does not."""
    plan = Plan(quick=True)
    sound = verify(loose_pair(low_reference, low_port(1.0)), cpu, plan=plan)
    assert (sound.verdict, "bfloat16 inside, on both sides" in sound.lowered) == (Verdict.MATCH, True)
    faulty = verify(loose_pair(low_reference, low_port(1 + factor)), cpu, plan=plan)
    assert faulty.verdict is Verdict.MISMATCH
    if factor < 1e-9:  # what the runs' own errors would excuse
        assert {one.judgement.reason for one in faulty.quantities if one.judgement.verdict is Verdict.MISMATCH} == {
            BENEATH
        }


def test_by_the_runs_own_errors_it_would_be_excused(cpu, monkeypatch):
    """The tolerance is derived from errors of 2^-9."""
    monkeypatch.setattr(judging, "by_rounding_beneath", lambda *given: {})
    assert verify(loose_pair(low_reference, low_port(1 + 3e-10)), cpu, plan=Plan(quick=True)).verdict is Verdict.MATCH
