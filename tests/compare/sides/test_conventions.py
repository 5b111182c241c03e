"""Known differences with a name: an optimizer's state in another unit, or without a counterpart."""

from dataclasses import replace

import jax
import jax.numpy as jnp
import optax
import pytest
import torch

from compare.pair.pair import Optimizers
from compare.verification.verification import Plan, verify
from tests.compare.faults import square
from tests.compare.small import loose_pair

USERS_MODELS = True


def _optimized(port):

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


def _in_float32_only(p, x):
    assert x.dtype == torch.float32, "float32 is expected"
    return torch.tanh(x * p["w"])


@pytest.mark.parametrize(
    ("port", "words"),
    [(_by_hand, "not compared: momentum_buffer"), (_learning_rate_inside, None)],
    ids=["no counterpart", "another unit"],
)
def test_without_oracles_the_same_holds(port, words, cpu):
    """A model that cannot run in float64: its optimizer's state is treated as any other's."""
    pair = loose_pair(
        _in_float32_only,
        lambda p, x: jnp.tanh(x * p["w"]),
        optimizers=(lambda p: torch.optim.SGD(p, lr=0.1, momentum=0.9), port(0.1, 0.9)),
    )
    report = verify(pair, cpu, plan=Plan(quick=True))
    assert report.verdict == "float32_only"
    if words:
        assert any(words in notice for notice in report.notices)
    else:
        reasons = {one.judgement.reason for one in report.quantities if one.kind == "optimizer"}
        assert any("times torch's in every parameter" in reason for reason in reasons)
