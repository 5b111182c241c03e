"""What is done about a doubtful quantity: promoted oracles, a judgement without any, the running variance."""

from dataclasses import replace

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
import torch

from compare.arrays.batch import Batch
from compare.pair.prepare import prepare
from compare.sides.judging import judge_port, nudged, reference_runs
from compare.sides.quartet import STEPS, Quartet
from compare.sides.variance import DIFFERS
from compare.verdict.precision import FLOAT32
from compare.verdict.verdict import Judgement, Verdict
from compare.verification.verification import Plan, verify
from tests.compare.faults import square
from tests.compare.small import X, loose_pair, norm_pair

USERS_MODELS = True
SGD = (lambda p: torch.optim.SGD(p, lr=0.1), None)


def judged(cpu, pair, what=None, steps=1) -> tuple[dict[str, Judgement], Quartet]:
    """Every judgement on the pair's first batch."""
    quartet = Quartet(prepare(pair), FLOAT32, cpu, cpu)
    entering = quartet.prepared.enter(0, steps).at(FLOAT32)
    runs = reference_runs(quartet, entering, what)
    return judge_port(quartet, entering, what, *runs).judgements, quartet


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
    """As torch's hardswish is there: its float64 is off by float32's rounding. What it is on the CPU decides, and is
    used from then on; the stand-in for a card is the CPU under another name."""
    card = replace(cpu, name="gpu")
    on_card, place = [], Quartet.place_oracles

    def placed(self, oracle):
        on_card[:] = [oracle.name == "gpu"]
        place(self, oracle)

    monkeypatch.setattr(Quartet, "place_oracles", placed)

    def reference(p, x):
        return p["w"] * x * (1 + 3e-8 if on_card[0] and x.dtype is torch.float64 else 1)

    for factor, verdict in ((1, Verdict.MATCH), (1 + 1e-9, Verdict.MISMATCH)):
        quartet = Quartet(
            prepare(loose_pair(reference, lambda p, x, factor=factor: p["w"] * x * factor)), FLOAT32, cpu, card
        )
        entering = quartet.prepared.enter(0, 1).at(FLOAT32)
        found = judge_port(quartet, entering, None, *reference_runs(quartet, entering, None)).judgements
        assert found["output"].verdict is verdict
        assert (quartet.oracle is card) == (verdict is Verdict.MISMATCH)
        assert ("on the CPU" in found["output"].reason) == (verdict is Verdict.MATCH)


def test_float32_islands_match_through_promotion_and_are_named(cpu):
    """The plain oracle computes them in float32 and cannot tell; promoted it can, and says where they are."""
    found, quartet = judged(cpu, loose_pair(torch_norm, jax_norm))
    assert verdicts(found) == {Verdict.MATCH}
    assert quartet.promoted
    reasons = {one.reason for one in found.values() if one.reason}
    assert len(reasons) == 1
    assert "float32 inside: " in reasons.pop()


@pytest.mark.parametrize("epsilon", [1.01e-6, 1e-5])
def test_a_wrong_epsilon_inside_an_island_is_a_mismatch(epsilon, cpu):
    """1 % of an epsilon, which float32 cannot see: promoted, it shows, and no constant in float32 is its witness."""
    found, _ = judged(cpu, loose_pair(torch_norm, lambda p, x: jax_norm(p, x, epsilon)))
    assert found["output"].gap > 1e3 * found["output"].allowed
    assert found["output"].verdict is Verdict.MISMATCH


def test_a_sound_pair_is_not_promoted(cpu):
    """No second pair of oracles is run where nothing is doubtful."""
    found, quartet = judged(cpu, loose_pair(lambda p, x: x * p["w"], lambda p, x: x * p["w"]))
    assert verdicts(found) == {Verdict.MATCH}
    assert not quartet.promoted
    assert "promoted_reference" not in vars(quartet)


def picky(p, x):
    """A torch model that cannot run in float64."""
    assert x.dtype == torch.float32, "float32 is expected"
    return torch.tanh(x * p["w"])


def test_without_an_oracle_the_best_verdict_is_float32_only(cpu):
    """Judged at the working precision by re-runs nearby, with the reason and the model's own words."""
    found, quartet = judged(cpu, loose_pair(picky, lambda p, x: jnp.tanh(x * p["w"])))
    assert verdicts(found) == {Verdict.FLOAT32_ONLY}
    for one in found.values():
        assert one.reason.startswith("no_oracle: the reference raised AssertionError: float32 is expected")
        assert 0 < one.error_reference < 1e-5
    assert not quartet.promoted


@pytest.mark.parametrize(
    "port",
    [
        lambda p, x: jnp.tanh(x * p["w"]) * 1.00001,
        lambda p, x: jnp.tanh(x * p["w"] + 1e-5),
        lambda p, x: x * p["w"],
    ],
    ids=["scaled", "shifted", "no tanh"],
)
def test_without_an_oracle_a_wrong_port_is_a_mismatch(port, cpu):
    """1e-5 is far above what rounding explains."""
    found, _ = judged(cpu, loose_pair(picky, port))
    assert found["output"].verdict is Verdict.MISMATCH


def test_a_port_that_cannot_run_in_float64_has_no_oracle_either(cpu):
    """Whichever side it is."""

    def port(p, x):
        if x.dtype != jnp.float32:
            raise TypeError("float32 is expected")
        return jnp.tanh(x * p["w"])

    found, quartet = judged(cpu, loose_pair(lambda p, x: torch.tanh(x * p["w"]), port))
    assert verdicts(found) == {Verdict.FLOAT32_ONLY}
    assert quartet.no_oracle == "the port raised TypeError: float32 is expected"


def test_without_an_oracle_a_quantity_of_one_side_is_invalid(cpu):
    """Named with its owner, as ever."""
    found, _ = judged(cpu, loose_pair(picky, lambda p, x: (jnp.tanh(x * p["w"]), x)))
    assert found["output"].reason == "only the reference has it"
    assert found["output/1"].reason == "only the port has it"


def test_the_running_variance_is_named_and_no_match(cpu):
    """Divided by N where torch divides by N - 1: two functions, and the reason is known."""
    found, _ = judged(cpu, norm_pair(), True)
    variance = found["state/1.running_var"]
    assert (variance.verdict, variance.reason) == (Verdict.MISMATCH, DIFFERS)
    assert found["state/1.running_mean"].verdict is Verdict.MATCH


def test_the_running_variance_is_accepted_where_the_pair_asks(cpu):
    """And then it is held against torch's to the last digit, over several steps too."""
    import optax

    pair = norm_pair(accept=("running_variance",), optimizers=(SGD[0], optax.sgd(0.1)))
    found, _ = judged(cpu, pair, True)
    assert found["state/1.running_var"].verdict is Verdict.MATCH
    found, _ = judged(cpu, pair, STEPS, 3)
    assert found["after/state/1.running_var"].verdict is Verdict.MATCH
    assert found["after/state/1.running_mean"].verdict is Verdict.MATCH


@pytest.mark.parametrize("accept", [(), ("running_variance",)])
def test_a_wrong_momentum_is_not_excused(accept, cpu):
    """Flax's 0.9 is torch's 0.1; 0.1 in both is the classic fault, in the mean and in the variance."""
    found, _ = judged(cpu, norm_pair(momentum=0.1, accept=accept), True)
    for name in ("state/1.running_mean", "state/1.running_var"):
        assert found[name].verdict is Verdict.MISMATCH
        assert found[name].reason != DIFFERS


def test_inputs_are_nudged_by_one_unit_in_the_last_place():
    """Every float by at most one ulp; integers never; without floats the weights."""
    ready = prepare(loose_pair(lambda p, x, n: x, lambda p, x, n: x, (X, np.arange(6))))
    entering = ready.enter(0, 1).at(FLOAT32)
    near = nudged(entering, np.random.default_rng(0), FLOAT32)
    before, after = entering.batches[0].inputs, near.batches[0].inputs
    ulps = np.abs(after["input0"].view(np.int32) - before["input0"].view(np.int32))
    assert ulps.max() <= 2
    assert ulps.mean() > 0.5
    np.testing.assert_array_equal(after["input1"], before["input1"])
    np.testing.assert_array_equal(near.weights["w"], entering.weights["w"])
    ids = replace(entering, batches=(Batch.of(np.arange(6)),))
    moved = nudged(ids, np.random.default_rng(0), FLOAT32).weights["w"]
    assert 0 < np.abs(moved - entering.weights["w"]).max() < 1e-6


def _optimized(port):
    from compare.pair.pair import Optimizers

    own = square()
    return replace(own, optimizers=Optimizers(own.optimizers.reference, port, own.optimizers.hyper))


def _learning_rate_inside(learning_rate, momentum):
    """The buffer holds the learning rate: v = m v + lr g, p -= v."""
    return optax.chain(optax.scale_by_learning_rate(learning_rate), optax.trace(momentum))


def _by_hand(learning_rate, momentum):
    """A momentum of one's own, its state under a name that nobody knows."""

    def update(grads, state, params=None):
        state = jax.tree.map(lambda v, g: momentum * v + g, state, grads)
        return jax.tree.map(lambda v: -learning_rate * v, state), state

    return optax.GradientTransformation(lambda params: jax.tree.map(jnp.zeros_like, params), update)


def test_another_unit_of_an_optimizers_state_is_another_convention(cpu):
    report = verify(_optimized(_learning_rate_inside), cpu, plan=Plan(quick=True))
    assert report.verdict == "match"
    assert any("momentum_buffer is -0.1 times" in notice for notice in report.notices)


def test_state_without_a_counterpart_is_listed(cpu):
    report = verify(_optimized(_by_hand), cpu, plan=Plan(quick=True))
    assert report.verdict == "match"
    assert any("not compared: momentum_buffer" in notice for notice in report.notices)


def test_another_momentum_is_no_convention(cpu):
    report = verify(
        _optimized(lambda learning_rate, momentum: optax.sgd(learning_rate, 0.91)), cpu, plan=Plan(quick=True)
    )
    states = [one for one in report.quantities if one.kind == "optimizer"]
    assert states
    assert all(one.verdict == "mismatch" for one in states)
