"""A verdict in bounded memory: of every quantity the same as the whole model's, and what is planted is seen."""

from dataclasses import replace

import jax
import jax.numpy as jnp
import optax
import pytest
import torch
from flax import linen
from jax import lax

from compare.arrays.aside import Aside
from compare.errors import UsageError
from compare.frameworks.devices import Device
from compare.pair.pair import Optimizers, Pair
from compare.sides.plan import Plan
from compare.sides.progress import Within
from compare.verdict.verdict import Judgement, Verdict
from compare.verification.certificates import Teeth
from compare.verification.pair_report import PairReport
from compare.verification.verification import Session, verify
from tests.compare.small import DENSE_MAP, X, dense_pair
from tests.compare.small_decoder import EMBED, FAULTS, decoder_pair, loss, port_loss

PLAN = Plan(quick=True, steps=2, locate=False)
CLIPPED = Optimizers(
    lambda parameters: _Clipped(parameters, lr=0.1, momentum=0.9),
    lambda: optax.chain(optax.clip_by_global_norm(0.1), optax.sgd(0.1, momentum=0.9)),
)


class _Clipped(torch.optim.SGD):
    """What a step needs of all gradients at once: their norm."""

    def step(self) -> None:  # type: ignore[override]
        gradients = [parameter.grad for parameter in self.param_groups[0]["params"]]
        norm = sum(gradient.square().sum() for gradient in gradients).sqrt()
        for gradient in gradients:
            gradient.mul_((0.1 / norm).clamp(max=1))
        super().step()


def judged(session: Session) -> dict[str, Judgement]:
    """Every quantity of the pair's own batch and of its training steps."""
    entering = session.entering()
    learnt = session.learn(entering)
    steps = session.steps(entering, learnt)
    own = {one.name: one.judgement for outcome in learnt.outcomes for one in outcome.quantities}
    return own | (steps.judgements if steps else {})


def by_module(pair: Pair, cpu: Device) -> tuple[PairReport, Aside]:
    """With nothing left in memory that can be put aside."""
    aside = Aside(small=0, room=0)
    return verify(pair, cpu, plan=PLAN, aside=aside), aside


@pytest.mark.parametrize(
    "fields",
    [{}, {"loss": (loss, port_loss), "optimizers": CLIPPED}],
    ids=["against cotangents", "trained on a loss"],
)
def test_every_quantity_has_the_verdict_of_the_whole_run(cpu, fields):
    """Outputs, gradients of what is used once and twice, and steps clipped by the norm of all gradients; gaps of one
    size."""
    pair, aside = decoder_pair(**fields), Aside(small=0, room=0)
    whole, parts = (judged(Session(pair, cpu, plan=PLAN, aside=one)) for one in (None, aside))
    assert whole.keys() == parts.keys()
    assert len(whole) == (43 if fields else 11)
    for name, one in whole.items():
        assert parts[name].verdict is one.verdict is Verdict.MATCH
        assert parts[name].scale == pytest.approx(one.scale, rel=1e-12)
    assert aside.bytes_most > 0
    assert aside.cuts > 3


DIFFERS = "is the first whose result differs though its inputs agree"
PLACES = {
    "stopped": "`embed` is the first module, from the loss back, whose gradient differs though its outputs agree: the "
    "port sends nothing back to embed.weight from piece 8 of 8, which takes it",
    "residual": f"the code of the model itself between `blocks.1.down` and `blocks.2.up` {DIFFERS}",
    "swapped": "`blocks.0.up` is the first module whose output differs though its inputs agree",
    "mask": f"the code of `blocks.0` between `embed` and `blocks.0.up` {DIFFERS}",
}


@pytest.mark.parametrize("fault", FAULTS)
def test_a_fault_between_layers_is_seen(cpu, fault):
    """None of them shows in a module by itself: a gradient stopped at a tied head, a residual dropped, two layers
    swapped, a mask off by one. Where it is, is said."""
    report = verify(decoder_pair(fault), cpu, plan=replace(PLAN, locate=True), aside=Aside(small=0, room=0))
    assert report.explanation.sentence.startswith(PLACES[fault])
    assert report.verdict is Verdict.MISMATCH
    assert any(one.startswith("by module: the port's program in ") for one in report.notices)
    named = {one.name: one.verdict for one in report.quantities}
    assert named["grad/embed.weight"] is Verdict.MISMATCH
    assert (named["output"] is Verdict.MATCH) == (fault == "stopped")


class TorchDropped(torch.nn.Module):
    """A dropout before and behind a hidden layer."""

    def __init__(self) -> None:
        super().__init__()
        self.fc, self.head = torch.nn.Linear(4, 4), torch.nn.Linear(4, 3)
        self.first, self.second = torch.nn.Dropout(0.5), torch.nn.Dropout(0.5)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.head(self.second(torch.tanh(self.fc(self.first(x)))))


class LinenDropped(linen.Module):
    """The same with keys that are handed on, of its own for each, or one for both."""

    alike: bool

    @linen.compact
    def __call__(self, x: jax.Array) -> jax.Array:
        one, other = jax.random.split(self.make_rng("dropout"))
        x = linen.Dropout(0.5, deterministic=False)(x, rng=one)
        x = jnp.tanh(linen.Dense(4)(x))
        return linen.Dense(3)(linen.Dropout(0.5, deterministic=False)(x, rng=one if self.alike else other))


@pytest.mark.parametrize("alike", [False, True])
def test_a_dropout_key_used_twice_is_seen(cpu, alike):
    """The reference's two masks are independent."""
    torch.manual_seed(0)
    pair = Pair(TorchDropped(), LinenDropped(alike), X, weight_map=DENSE_MAP, modes=("train",))
    report, _ = by_module(pair, cpu)
    assert report.verdict is (Verdict.INVALID if alike else Verdict.MATCH)
    if alike:
        assert "draws with the key of the one at" in report.quantities[0].judgement.reason


def test_who_waits_is_told_which_piece_of_how_many(cpu):
    """Of either side, at each precision: forward and backward, and the update."""
    said = []
    pair = decoder_pair(loss=(loss, port_loss), optimizers=CLIPPED)
    verify(pair, cpu, plan=PLAN, progress=said.append, aside=(aside := Aside(small=0, room=0)))
    pieces = [str(one) for one in said if isinstance(one, Within)]
    for name in ("float32", "float64"):
        first = pieces.index(f"the port in {name}: forward, piece 1 of {aside.cuts}")
        last = pieces.index(f"the port in {name}: backward, piece 1 of {aside.cuts}")
        assert last - first == 2 * aside.cuts - 1
        assert f"the reference in {name}: backward, gradient 1 of 10" in pieces
        assert any(one.startswith(f"the port in {name}, the update: forward, piece 1 of ") for one in pieces)


def test_repeated_layers_are_compiled_once(cpu):
    """As many programs for three blocks as for two and the ends, forward and backward, at two precisions."""
    _, aside = by_module(decoder_pair(), cpu)
    assert aside.programs < 4 * aside.cuts


def test_what_cannot_be_cut_is_refused(cpu):
    """A rule around the whole model: no run of it as a whole instead."""

    def around(weights, ids):
        @jax.custom_jvp
        def model(weights, ids):
            return decoder_pair().port(weights, ids)

        model.defjvp(lambda primals, tangents: (model(*primals), model(*primals)))
        return model(weights, ids)

    pair = decoder_pair()
    whole = Pair(pair.reference, around, pair.batch, weight_map=pair.weight_map)
    with pytest.raises(UsageError, match=r"the port's program cannot be cut: one custom_jvp_call .* takes 100%"):
        by_module(whole, cpu)


def test_an_update_that_cannot_be_cut_is_incomplete_by_name(cpu):
    """One equation takes every array: all else is judged."""

    def update(updates, state, params=None):
        steps = [lambda every, by=by: jax.tree.map(lambda one: by * one, every) for by in (-0.1, 0.0)]
        return lax.cond(jnp.isfinite(updates[EMBED]).all(), *steps, updates), state

    rule = optax.GradientTransformation(lambda params: optax.EmptyState(), update)
    at_once = Optimizers(lambda parameters: torch.optim.SGD(parameters, 0.1), lambda: rule)
    session = Session(decoder_pair(optimizers=at_once), cpu, plan=PLAN, aside=Aside())
    entering = session.entering()
    learnt = session.learn(entering)
    steps, why = session.steps_or_why(entering, learnt)
    assert steps is None
    assert why.startswith("updates not compared: the port's program cannot be cut: one cond")
    report = session.report(entering, learnt.outcomes, [], steps, Teeth((), {}), None, [why])
    assert report.verdict is Verdict.INCOMPLETE
    assert "update/embed.weight" in report.coverage.not_compared
    assert why in report.notices


def test_what_draws_for_itself_is_refused(cpu):
    """Whether its numbers reach a quantity is seen on whole runs."""
    with pytest.raises(UsageError, match="--by-module takes no pair with rngs="):
        by_module(dense_pair(rngs=("noise",)), cpu)


def test_a_gpu_is_refused(cpu):
    """What is put aside lies in the processor's memory."""
    card = Device("gpu", cpu.torch, cpu.jax)
    with pytest.raises(UsageError, match="the device is the gpu: give --device cpu"):
        verify(dense_pair(), card, plan=PLAN, oracle=cpu, aside=Aside())
