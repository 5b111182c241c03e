"""What is done about a doubtful quantity: promoted oracles, and the CPU's."""

from dataclasses import replace

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import torch
from jax import lax

from compare.pair.prepare import prepare
from compare.sides.context import Oracles
from compare.sides.doubts import stands
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


def test_a_kernel_of_torchs_is_named_before_the_users_lines(cpu):
    """However many there are: nobody would look for it. And it hides nothing."""

    def reference(p, x):
        y = x.float() * p["w"].float()
        y = y + torch.tensor(0.1, dtype=torch.float32)
        y = y * torch.ones(1)
        return torch.nn.functional.hardsigmoid(y.float())

    for sixth, verdict in ((1 / 6, Verdict.MATCH), ((1 + 1e-9) / 6, Verdict.MISMATCH)):
        pair = loose_pair(reference, lambda p, x, sixth=sixth: jnp.clip(x * p["w"] + 0.1 + 3, 0, 6) * sixth)
        found = judgements(cpu, pair)["grad/w"]
        assert found.verdict is verdict
        assert (found.reason[:52] == "float32 inside: torch's own hardsigmoid_backward, te") == (sixth == 1 / 6)


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


def cast_torch(p, x):
    """float64 weights refuse what is float32."""
    return torch.tanh(x).float() @ p["w"].outer(p["w"])


def plain_jax(p, x):
    return jnp.tanh(x) @ jnp.outer(p["w"], p["w"])


def cast_jax(p, x):
    return lax.dot(jnp.tanh(x).astype(jnp.float32), jnp.outer(p["w"], p["w"]))


def plain_torch(p, x):
    return torch.tanh(x) @ p["w"].outer(p["w"])


def lowest_torch(p, x):
    """float64's lowest number is minus infinity in float32, and a row of it softmax makes NaN of."""
    return torch.softmax((p["w"] + torch.full_like(x, torch.finfo(x.dtype).min)).float(), -1).type_as(x) * x * p["w"]


def lowest_jax(p, x):
    lowest = jnp.full_like(x, jnp.finfo(x.dtype).min)
    return jax.nn.softmax((p["w"] + lowest).astype(jnp.float32), -1).astype(x.dtype) * x * p["w"]


def uncast_torch(p, x):
    return torch.softmax(p["w"] + torch.full_like(x, torch.finfo(x.dtype).min), -1) * x * p["w"]


def uncast_jax(p, x):
    return jax.nn.softmax(p["w"] + jnp.full_like(x, jnp.finfo(x.dtype).min), -1) * x * p["w"]


@pytest.mark.parametrize(
    ("reference", "port"),
    [
        (cast_torch, plain_jax),
        (plain_torch, cast_jax),
        (lowest_torch, lowest_jax),
        (lowest_torch, uncast_jax),
        (uncast_torch, lowest_jax),
    ],
)
def test_an_oracle_that_does_not_stand_is_promoted(reference, port, cpu):
    """It raises, or has NaN where the working run has none, on either side: raised to float64 it does neither, and
    says where float32 is. A port that is off by 1e-9 is seen all the same."""
    judged = judge(cpu, loose_pair(reference, port))
    assert verdicts(judged.judgements) == {Verdict.MATCH}
    assert (judged.oracles, judged.no_oracle) == (Oracles(cpu, promoted=True), "")
    assert {"float32 inside: " in one.reason for one in judged.judgements.values()} == {True}
    wrong = judge(cpu, loose_pair(reference, lambda p, x: port(p, x) * (1 + 1e-9)))
    assert wrong.judgements["output"].verdict is Verdict.MISMATCH


def test_what_no_oracle_stands_is_said_in_the_words_of_the_plain_one(cpu, monkeypatch):
    """Promotion is tried, once, and helps nothing where the code itself asserts float32."""
    tried = []
    run = Quartet.oracle_reference
    monkeypatch.setattr(
        Quartet, "oracle_reference", lambda self, *given: (tried.append(self.promoted), run(self, *given))[1]
    )

    def narrow(p, x):
        assert x.dtype is not torch.float64, "float32 is expected"
        return plain_torch(p, x)

    judged = judge(cpu, loose_pair(narrow, plain_jax))
    assert judged.no_oracle.startswith("the reference raised AssertionError: float32 is expected")
    assert tried == [False, True]


def test_a_run_stands_where_it_is_finite_as_the_working_one_is():
    """NaN and infinity of its own do not; what the working run has as well does, and integers and other shapes are
    none of it."""
    nan, inf, one = np.array([np.nan, 1.0]), np.array([1.0, np.inf]), np.ones(2)
    assert all((stands({"a": one}, {"a": one}), stands({"a": nan}, {"a": nan}), stands({"a": inf}, {"a": one})))
    assert not stands({"a": one}, {"a": nan})
    assert not stands({"a": one, "b": one}, {"a": one, "b": inf})
    assert stands({"a": np.ones(3), "b": np.ones(2, int)}, {"a": nan, "b": np.ones(2, int), "c": nan})
