"""No judgement depends on what was judged before it: in another order, and twice, words and numbers are the same."""

from dataclasses import replace
from typing import Any

import flax.linen as nn
import jax.numpy as jnp
import numpy as np
import optax
import pytest
import torch

from compare.arrays.batch import Batch
from compare.pair.pair import Pair
from compare.sides.context import Witness
from compare.verdict.quantity import EVAL
from compare.verdict.verdict import Verdict
from compare.verification.pair_report import PairReport
from compare.verification.verification import Plan, Session, verify
from tests.compare.faults import square

USERS_MODELS = True
PLAN = Plan(locate=False)
X = np.random.default_rng(0).standard_normal((6, 7), dtype=np.float32)


class Reference(torch.nn.Module):
    """A table, dropout, and a norm raised to float32 by its own code: all that a judge could remember."""

    def __init__(self, stored: bool) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.layer, self.drop, self.head = torch.nn.Linear(7, 5), torch.nn.Dropout(0.3), torch.nn.Linear(5, 5)
        self.stored = stored
        self.register_buffer("sines", torch.sin(torch.arange(7) * 0.3), persistent=False)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        table = self.sines if self.stored else torch.sin(torch.arange(7, dtype=x.dtype) * 0.3)
        wide = self.drop(torch.tanh(self.layer(x * table))).to(torch.float32)
        return self.head((wide * torch.rsqrt(wide.pow(2).mean(-1, keepdim=True) + 1e-3)).to(x.dtype))


class Port(nn.Module):
    """The same, its table computed."""

    @nn.compact
    def __call__(self, x: Any, train: bool = False) -> Any:
        hidden = jnp.tanh(nn.Dense(5)(x * jnp.sin(jnp.arange(7) * 0.3).astype(x.dtype)))
        wide = nn.Dropout(0.3, deterministic=not train)(hidden).astype(jnp.float32)
        wide = wide / jnp.sqrt((wide**2).mean(-1, keepdims=True) + 1e-3)
        return nn.Dense(5)(wide.astype(x.dtype))


def stored(is_stored: bool) -> Pair:
    optimizers = (lambda p: torch.optim.Adam(p, lr=1e-2), optax.adam(1e-2))
    return Pair(Reference(is_stored), Port(), Batch.of(X), optimizers=optimizers)


PAIRS = {
    "float32 inside": (lambda: stored(False), Verdict.MATCH),
    "a table in float32": (lambda: stored(True), Verdict.FLOAT32_ONLY),
    "a backward pass by hand": (square, Verdict.MATCH),
}


@pytest.fixture(scope="module", params=PAIRS.values(), ids=PAIRS)
def session(request, cpu) -> Session:
    made = Session(request.param[0](), cpu, plan=PLAN)
    made.expected = request.param[1]
    return made


@pytest.fixture(scope="module")
def report(session) -> PairReport:
    return session.verify()


def test_the_sound_pairs_are_accepted(session, report):
    """The table's witness holds on every probe and in the training steps, the table's exact values in place there."""
    assert report.verdict is session.expected
    assert report.envelope is not None
    assert report.teeth.mutants
    if session.expected is Verdict.FLOAT32_ONLY:
        low = [one for one in report.quantities if one.verdict is Verdict.FLOAT32_ONLY]
        assert {one.judgement.reason for one in low} == {"held in float32: sines of the reference"}
        assert {"gradient", "trajectory"} <= {one.kind for one in low}
        assert len({one.probe for one in low}) > 4


def test_a_second_verify_says_what_the_first_said(session, report):
    """To the word and to the last bit, the notice of float32 inside among them."""
    assert session.verify() == report


def test_a_second_verify_compiles_nothing(session, report):
    """What is compiled stays, a witness's oracles among it, which is found anew each time: the same sides as before."""
    before = dict(session.quartet.sides)
    session.verify()
    assert session.quartet.sides == before
    assert any(isinstance(part, Witness) for key in before for part in key) == (
        session.expected is Verdict.FLOAT32_ONLY
    )


@pytest.mark.parametrize("order", ["steps, teeth, probes", "teeth, probes, steps", "probes turned round"])
def test_the_stages_may_come_in_any_order(session, report, order):
    """After the first one, which is the same whenever it is run."""
    entering = session.entering()
    learnt = session.learn(entering)
    by_hand = session.by_hand(entering, learnt)
    places = list(session.probes(entering))

    def probes() -> list:
        turned = [session.probe(*place, learnt) for place in reversed(places)]
        return list(reversed(turned))

    rule = session.rule(entering, learnt)
    if order == "steps, teeth, probes":
        steps = session.steps(entering, learnt)
        bitten = session.teeth(entering, learnt, by_hand, steps, rule)
        outcomes = probes()
    elif order == "teeth, probes, steps":
        bitten = session.teeth(entering, learnt, by_hand, session.steps(entering, learnt), rule)
        outcomes = probes()
        steps = session.steps(entering, session.learn(entering))
    else:
        outcomes = probes()
        steps = session.steps(entering, learnt)
        bitten = session.teeth(entering, learnt, by_hand, steps, rule)
    trajectory, _ = session.envelope(entering, steps)
    every = [*learnt.outcomes, *outcomes]
    assert session.report(entering, every, by_hand, steps, bitten, trajectory, rule=rule) == report


class Louder(torch.nn.Module):
    """Ten million times as large in training: what evaluation must not be judged by."""

    def __init__(self) -> None:
        super().__init__()
        self.w = torch.nn.Parameter(torch.linspace(0.5, 1.5, 7))
        self.drop = torch.nn.Dropout(0.0)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return torch.tanh(x * self.w) * (1e7 if self.training else 1.0)


class LouderPort(nn.Module):
    shift: float = 0.0

    @nn.compact
    def __call__(self, x: Any, train: bool = False) -> Any:
        w = self.param("w", nn.initializers.ones, (7,))
        return jnp.tanh(x * w + self.shift) * (1e7 if train else 1.0)


KINDS = {
    "louder": lambda modes: Pair(Louder(), LouderPort(), Batch.of(X), modes=modes),
    "float32 inside": lambda modes: replace(stored(False), optimizers=None, modes=modes),
}


@pytest.mark.parametrize("kind", KINDS.values(), ids=KINDS)
def test_evaluation_is_judged_by_its_own_sizes(kind, cpu):
    """Beside training as alone: every number of every probe, the detection limit among them."""
    both, alone = (verify(kind(modes), cpu, plan=PLAN) for modes in (None, ("eval",)))
    beside = {
        (one.name.removeprefix(EVAL), one.probe): one.judgement for one in both.quantities if one.name.startswith(EVAL)
    }
    assert beside == {(one.name, one.probe): one.judgement for one in alone.quantities}


def test_a_fault_of_evaluation_is_seen_beside_a_loud_training(cpu):
    """1e-9 of an input's shift, ten million times below what training is made of."""
    report = verify(Pair(Louder(), LouderPort(shift=1e-9), Batch.of(X)), cpu, plan=replace(PLAN, quick=True))
    assert {one.verdict for one in report.quantities if one.name == f"{EVAL}grad/w"} == {Verdict.MISMATCH}
