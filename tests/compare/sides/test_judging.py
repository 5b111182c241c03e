"""What is done about a doubtful quantity: promoted oracles, a judgement without any, the running variance."""

from dataclasses import replace

import jax.numpy as jnp
import optax
import pytest
import torch

from compare.pair.prepare import prepare
from compare.sides.context import Context, Oracles
from compare.sides.judging import Judged, judge_port, reference_runs
from compare.sides.quartet import Quartet
from compare.sides.side import STEPS
from compare.sides.variance import DIFFERS
from compare.verdict.precision import FLOAT32
from compare.verdict.verdict import Judgement, Verdict
from tests.compare.small import loose_pair, norm_pair

USERS_MODELS = True
SGD = (lambda p: torch.optim.SGD(p, lr=0.1), None)


def judge(cpu, pair, what=None, steps=1) -> Judged:
    """The pair's first batch, judged with nothing known."""
    quartet = Quartet(prepare(pair), FLOAT32, cpu, cpu)
    entering = quartet.prepared.enter(0, steps).at(FLOAT32)
    return judge_port(quartet, entering, what, *reference_runs(quartet, entering, what))


def judgements(cpu, pair, what=None, steps=1) -> dict[str, Judgement]:
    return judge(cpu, pair, what, steps).judgements


def verdicts(found: dict[str, Judgement]) -> set[Verdict]:
    return {one.verdict for one in found.values()}


def torch_norm(p, x, epsilon=1e-6):
    """A root mean square norm that is raised to float32 by its own code, as Llama's is."""
    wide = x.to(torch.float32)
    return p["w"] * (wide * torch.rsqrt(wide.pow(2).mean(-1, keepdim=True) + epsilon)).to(x.dtype)


def jax_norm(p, x, epsilon=1e-6):
    wide = x.astype(jnp.float32)
    one = wide * (1 / jnp.sqrt((wide**2).mean(-1, keepdims=True) + epsilon))
    return p["w"] * one.astype(x.dtype)


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
    quartet = Quartet(prepare(loose_pair(lambda p, x: x * p["w"], lambda p, x: x * p["w"])), FLOAT32, cpu, cpu)
    entering = quartet.prepared.enter(0, 1).at(FLOAT32)
    judged = judge_port(quartet, entering, None, *reference_runs(quartet, entering, None))
    assert verdicts(judged.judgements) == {Verdict.MATCH}
    assert judged.oracles == Oracles(cpu)
    assert len(quartet.sides) == 4


def test_the_running_variance_is_named_and_no_match(cpu):
    """Divided by N where torch divides by N - 1: two functions, and the reason is known."""
    found = judgements(cpu, norm_pair(), True)
    variance = found["state/1.running_var"]
    assert (variance.verdict, variance.reason) == (Verdict.MISMATCH, DIFFERS)
    assert found["state/1.running_mean"].verdict is Verdict.MATCH


def test_the_running_variance_is_accepted_where_the_pair_asks(cpu):
    """And then it is held against torch's to the last digit, over several steps too."""
    import optax

    pair = norm_pair(accept=("running_variance",), optimizers=(SGD[0], optax.sgd(0.1)))
    found = judgements(cpu, pair, True)
    assert found["state/1.running_var"].verdict is Verdict.MATCH
    found = judgements(cpu, pair, STEPS, 3)
    assert found["after/state/1.running_var"].verdict is Verdict.MATCH
    assert found["after/state/1.running_mean"].verdict is Verdict.MATCH


@pytest.mark.parametrize("accept", [(), ("running_variance",)])
def test_a_wrong_momentum_is_not_excused(accept, cpu):
    """Flax's 0.9 is torch's 0.1; 0.1 in both is the classic fault, in the mean and in the variance."""
    found = judgements(cpu, norm_pair(momentum=0.1, accept=accept), True)
    for name in ("state/1.running_mean", "state/1.running_var"):
        assert found[name].verdict is Verdict.MISMATCH
        assert found[name].reason != DIFFERS


def test_the_context_s_oracles_are_used_at_once(cpu):
    """A pair that is known to hold float32 inside: promoted from the start, and a match without a second look."""
    quartet = Quartet(prepare(loose_pair(torch_norm, jax_norm)), FLOAT32, cpu, cpu)
    entering = quartet.prepared.enter(0, 1).at(FLOAT32)
    context = Context(Oracles(cpu, promoted=True))
    judged = judge_port(quartet, entering, None, *reference_runs(quartet, entering, None, context), context)
    assert verdicts(judged.judgements) == {Verdict.MATCH}
    assert {one.reason for one in judged.judgements.values()} == {""}
    assert len(quartet.sides) == 4


def test_judging_leaves_nothing_behind(cpu):
    """The same arrays again, with another pair of oracles and other steps in between: the same words and numbers."""
    pair = loose_pair(torch_norm, jax_norm, optimizers=(SGD[0], optax.sgd(0.1)))
    quartet = Quartet(prepare(pair), FLOAT32, cpu, cpu)
    entering = quartet.prepared.enter(0, 2).at(FLOAT32)

    def once():
        return judge_port(quartet, entering, None, *reference_runs(quartet, entering, None))

    first = once()
    judge_port(quartet, entering, STEPS, *reference_runs(quartet, entering, STEPS))
    again = once()
    assert again.judgements == first.judgements
    assert again.oracles == first.oracles
