"""The doctor of running statistics names the momentum, N for N - 1, and an update that is missing or one too many."""

from dataclasses import replace
from typing import Any

import jax
import jax.numpy as jnp
import pytest
import torch
from flax import linen

from compare.arrays.batch import Batch
from compare.explain.doctor.statistics.statistics import diagnose_statistics
from compare.pair.prepare import prepare
from compare.sides.judging import judge_port, reference_runs
from compare.sides.quartet import Quartet
from compare.verdict.precision import FLOAT32
from compare.verdict.verdict import Verdict
from tests.compare.small import norm_pair, seeded

USERS_MODELS = True
SOUND = {"accept": ("running_variance",)}


def diagnosed(cpu, pair):
    """The diagnosis on one training pass."""
    quartet = Quartet(prepare(pair), FLOAT32, cpu, cpu)
    entering = quartet.prepared.enter(0, 1).at(FLOAT32)
    judged = judge_port(quartet, entering, True, *reference_runs(quartet, entering, True))
    assert judged.judgements["output"].verdict is Verdict.MATCH
    return diagnose_statistics(quartet, entering, judged)


class OwnNorm(linen.Module):
    """A dense layer and a batch norm by hand: ``update`` makes the new statistics from (old, batch's, rows)."""

    update: Any

    @linen.compact
    def __call__(self, x, train: bool):
        x = linen.Dense(5, name="Dense_0")(x)
        return Norm(self.update, name="BatchNorm_0")(x, train)


class Norm(linen.Module):
    """The norm itself; its leaves are those of Flax's."""

    update: Any

    @linen.compact
    def __call__(self, x, train: bool):
        mean = self.variable("batch_stats", "mean", jnp.zeros, (5,))
        var = self.variable("batch_stats", "var", jnp.ones, (5,))
        scale, bias = (self.param(name, linen.initializers.ones, (5,)) for name in ("scale", "bias"))
        own = (x.mean(0), x.var(0)) if train else (mean.value, var.value)
        if train and not self.is_initializing():
            mean.value, var.value = self.update(mean.value, var.value, *own, x.shape[0])
        return (x - own[0]) * jax.lax.rsqrt(own[1] + 1e-5) * scale + bias


def kept(weight, variance):
    """An update by hand: the new batch's weight, and what of (mean, variance, rows) is kept as its variance."""
    return lambda mean, var, m, v, n: (
        (1 - weight) * mean + weight * m,
        (1 - weight) * var + weight * variance(m, v, n),
    )


def unbiased(mean, variance, rows):
    return variance * rows / (rows - 1)


@pytest.mark.parametrize(
    ("momentum", "said", "remark"),
    [
        (0.99, "0.99", "which is 0.9 in the port's terms"),
        (0.97, "0.97", "which is 0.9 in the port's terms"),
        (0.1, "0.1", "torch's 0.1 is Flax's 0.9"),
    ],
)
def test_another_momentum_is_named_in_both_conventions(momentum, said, remark, cpu):
    """Flax's default, one that nobody uses, and torch's number taken over as it is."""
    found = diagnosed(cpu, norm_pair(momentum, **SOUND))
    assert [(one.setting, one.certain, one.evidence) for one in found.causes] == [("momentum", True, "both")]
    (one,) = found.causes
    assert one.port == f"{said} (the weight of the old value)"
    assert one.reference == "0.1 (the weight of the new batch)"
    assert remark in one.text
    assert one.after < 1e-12 < one.before
    assert found.settings == (one.text,)


def test_n_for_n_minus_1_is_named(cpu):
    """And nothing else: the mean agrees."""
    found = diagnosed(cpu, norm_pair())
    assert [(one.setting, one.port) for one in found.causes] == [("running variance", "the batch's divided by N")]
    assert found.settings == ()


def test_n_for_n_minus_1_is_no_cause_where_it_is_accepted(cpu):
    """A pair that asks for it is sound, and gets no diagnosis."""
    found = diagnosed(cpu, norm_pair(**SOUND))
    assert (found.causes, found.settings, found.excluded, found.observed) == ((), (), (), ())


def test_a_momentum_and_n_for_n_minus_1_are_both_named(cpu):
    """Neither alone closes the gap."""
    found = diagnosed(cpu, norm_pair(0.99))
    assert [(one.setting, one.certain) for one in found.causes] == [("momentum", True), ("running variance", True)]


@pytest.mark.parametrize(
    ("update", "setting", "port"),
    [
        (kept(0.0, unbiased), "update of the statistics", "none"),
        (kept(0.19, unbiased), "update of the statistics", "twice in a step"),
        (kept(0.1, lambda m, v, n: v + m), "", ""),
        (kept(0.1, lambda m, v, n: v + m**2), "running variance", "the batch's mean square"),
        (kept(0.1, lambda m, v, n: jnp.sqrt(v)), "running variance", "the batch's standard deviation by N"),
        (kept(0.234, unbiased), "momentum", "0.766 (the weight of the old value)"),
    ],
    ids=["never", "twice", "unknown", "mean square", "deviation", "momentum"],
)
def test_statistics_by_hand(update, setting, port, cpu):
    """Layers whose momentum cannot be read; of a variance that nobody keeps, nothing is certain."""
    found = diagnosed(cpu, replace(norm_pair(), port=OwnNorm(update)))
    assert [(one.setting, one.port, one.evidence) for one in found.causes] == (
        [(setting, port, "counterfactual")] if setting else []
    )
    if port == "none":
        assert found.observed == ("1.running_mean, 1.running_var: as it entered",)
    if not setting:
        # Not what brings the statistics nearer: it may be one of several faults.
        excluded = " ".join(found.excluded)
        for tried in ("momentum, any value", "divided by N"):
            assert tried in excluded
        assert "mean square" not in excluded


def test_a_cumulative_average_is_told_from_a_momentum(cpu):
    """torch's momentum=None: the first batch weighs 1."""
    reference = seeded(lambda: torch.nn.Sequential(torch.nn.Linear(4, 5), torch.nn.BatchNorm1d(5, momentum=None)))
    pair = norm_pair(0.9)
    found = diagnosed(cpu, replace(pair, reference=reference))
    assert [one.setting for one in found.causes] == ["momentum", "running variance"]
    assert found.causes[0].reference == "None, a cumulative average"


class AcrossNorm(Norm):
    """Normalises by the features, and keeps the rows' statistics."""

    @linen.compact
    def __call__(self, x, train: bool):
        mean = self.variable("batch_stats", "mean", jnp.zeros, (5,))
        var = self.variable("batch_stats", "var", jnp.ones, (5,))
        scale, bias = (self.param(name, linen.initializers.ones, (5,)) for name in ("scale", "bias"))
        own = (x.mean(0), x.var(0)) if train else (mean.value, var.value)
        if train and not self.is_initializing():
            mean.value = 0.9 * mean.value + 0.1 * x.mean(1)
            var.value = 0.9 * var.value + 0.1 * x.var(1) * 5 / 4
        return (x - own[0]) * jax.lax.rsqrt(own[1] + 1e-5) * scale + bias


class Across(linen.Module):
    """A dense layer and that norm."""

    @linen.compact
    def __call__(self, x, train: bool):
        return AcrossNorm(None, name="BatchNorm_0")(linen.Dense(5, name="Dense_0")(x), train)


def test_the_other_axis_of_a_square_batch_is_named(cpu):
    """As many rows as features: statistics over the features have the right shape."""
    pair = norm_pair(batch=lambda rng: Batch.of(rng.standard_normal((5, 4), dtype="float32")))
    found = diagnosed(cpu, replace(pair, port=Across()))
    assert [(one.setting, one.port) for one in found.causes] == [
        ("running variance", "that of another axis of the batch")
    ]
