"""What is done about a doubtful quantity: promoted oracles, and the CPU's."""

from dataclasses import replace

import pytest
import torch

from compare.pair.prepare import prepare
from compare.sides.context import Oracles
from compare.sides.judging import judge_port, reference_runs
from compare.sides.quartet import Quartet
from compare.sides.side import SideError
from compare.verdict.precision import FLOAT32
from compare.verdict.verdict import Verdict
from tests.compare.sides.judged import jax_norm, judge, judgements, together, torch_norm, verdicts
from tests.compare.small import loose_pair

USERS_MODELS = True


def test_a_kernel_that_is_not_accurate_to_float64_on_the_gpu_is_judged_on_the_cpu(cpu, monkeypatch):
    """As torch's hardswish is there: its float64 is off by float32's rounding. What it is on the CPU decides, and the
    result says so; the stand-in for a card is the CPU under another name."""
    card = replace(cpu, name="gpu")
    on_card, run = [False], Quartet.oracle_reference

    def placed(self, *given):
        on_card[:] = [self.oracle.name == "gpu"]
        return run(self, *given)

    monkeypatch.setattr(Quartet, "oracle_reference", placed)

    def reference(p, x):
        return p["w"] * x * (1 + 3e-8 if on_card[0] and x.dtype is torch.float64 else 1)

    for factor, verdict in ((1, Verdict.MATCH), (1 + 1e-9, Verdict.MISMATCH)):
        quartet = Quartet(
            prepare(loose_pair(reference, lambda p, x, factor=factor: p["w"] * x * factor)), FLOAT32, cpu, card
        )
        entering = quartet.prepared.enter(0, 1).at(FLOAT32)
        judged = judge_port(quartet, entering, None, *reference_runs(quartet, entering, None))
        output = judged.judgements["output"]
        assert output.verdict is verdict
        assert (judged.oracles.device.name == "gpu") == (verdict is Verdict.MISMATCH)
        assert ("on the CPU" in output.reason) == (verdict is Verdict.MATCH)
        assert quartet.oracle is card


def test_float32_islands_match_through_promotion_and_are_named(cpu):
    """The plain oracle computes them in float32 and cannot tell; promoted it can, and says where they are."""
    judged = judge(cpu, loose_pair(torch_norm, jax_norm))
    assert verdicts(judged.judgements) == {Verdict.MATCH}
    assert judged.oracles == Oracles(cpu, promoted=True)
    reasons = {one.reason for one in judged.judgements.values() if one.reason}
    assert len(reasons) == 1
    assert "float32 inside: " in reasons.pop()


@pytest.mark.parametrize("epsilon", [1.01e-6, 1e-5])
def test_a_wrong_epsilon_inside_an_island_is_a_mismatch(epsilon, cpu):
    """1 % of an epsilon, which float32 cannot see: promoted, it shows, and no constant in float32 is its witness."""
    found = judgements(cpu, loose_pair(torch_norm, lambda p, x: jax_norm(p, x, epsilon)))
    assert found["output"].gap > 1e3 * found["output"].allowed
    assert found["output"].verdict is Verdict.MISMATCH


def test_a_sound_pair_is_not_promoted(cpu):
    """No second pair of oracles is run where nothing is doubtful."""
    quartet, entering = together(cpu, loose_pair(lambda p, x: x * p["w"], lambda p, x: x * p["w"]))
    judged = judge_port(quartet, entering, None, *reference_runs(quartet, entering, None))
    assert verdicts(judged.judgements) == {Verdict.MATCH}
    assert judged.oracles == Oracles(cpu)
    assert len(quartet.sides) == 4


def test_a_promoted_run_that_fails_is_told(cpu, monkeypatch):
    """A model that does not stand it: what the plain oracles said stays, with the reason."""
    run = Quartet.oracle_reference

    def refused(self, *given):
        if self.promoted:
            raise SideError("reference", ValueError("float32 is expected"))
        return run(self, *given)

    monkeypatch.setattr(Quartet, "oracle_reference", refused)
    judged = judge(cpu, loose_pair(torch_norm, lambda p, x: jax_norm(p, x, 1.01e-6)))
    output = judged.judgements["output"]
    assert output.verdict is Verdict.MISMATCH
    assert output.reason == "promoted oracles failed: the reference raised ValueError: float32 is expected"
    assert judged.oracles == Oracles(cpu)
