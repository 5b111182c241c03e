"""A run in float16: the same steps skipped, the same scale, every step judged; and what is wrongly scaled is seen."""

from dataclasses import replace

import jax
import optax
import pytest

import jaxport.features
from compare.arrays.images import Images, load_images
from compare.measure.training import train
from compare.measure.trajectory import TrainingPlan
from compare.pair import pairs
from compare.pair.training_recipes import with_recipe
from compare.verdict.verdict import Verdict
from jaxport.losses import cross_entropy
from jaxport.optimizers.scaling import LossScale, choose

PLAN = TrainingPlan(epochs=1, batch=50)


@pytest.fixture(scope="module")
def images():
    every = load_images()
    return Images(
        "a few", every.train_images[:350], every.train_labels[:350], every.test_images[:9], every.test_labels[:9]
    )


@pytest.fixture(scope="module")
def pair():
    """Scaled so far that some steps overflow, and doubled again soon."""
    one = with_recipe(pairs.find("mlp"), "float16", 7)
    return replace(one, optimizers=replace(one.optimizers, scale=2.0**20, growth_interval=3))


def test_the_same_steps_are_skipped(pair, images, cpu):
    """Where gradients pass through float16; the oracles skip them too, and stay near."""
    run = train(pair, images, cpu, PLAN)
    assert run.verdict is Verdict.MATCH, run.first_failure
    skipped = [step.skipped_reference for step in run.steps]
    assert skipped == [step.skipped_port for step in run.steps]
    assert any(skipped)
    assert not all(skipped)
    assert all(step.departure < 1e-2 for step in run.steps)


def _clipped_while_scaled(model, optimizer, params, state, images, labels):
    """The mistake: the scale is divided out of what was clipped."""
    inner, scaling = state
    scaled, loss = jax.grad(
        lambda p: (scaling.scaled(one := cross_entropy(model.apply({"params": p}, images), labels)), one), has_aux=True
    )(params)
    updates, after = optimizer.update(scaled, inner, params)
    _, finite = scaling.unscaled(scaled)
    params, inner = choose(finite, (optax.apply_updates(params, updates), after), (params, inner))
    return params, (inner, scaling.adjusted(finite)), loss


class _Late(LossScale):
    """Flax's: the scale is doubled one step later."""

    def adjusted(self, finite):
        late = LossScale(self.scale, self.sound, self.growth_interval + 1).adjusted(finite)
        return _Late(late.scale, late.sound, self.growth_interval)


class _Further(LossScale):
    """Scaled, and divided again, by more than its scale says: the same function, and steps are lost for nothing."""

    def scaled(self, loss):
        return super().scaled(2.0**8 * loss)

    def unscaled(self, grads):
        grads, finite = super().unscaled(grads)
        return jax.tree.map(lambda g: g / 2.0**8, grads), finite

    def adjusted(self, finite):
        return _Further(*super().adjusted(finite))


@pytest.mark.parametrize(
    ("fault", "seen"),
    [
        (_clipped_while_scaled, "update/"),
        (_Late, "loss scale"),
        (_Further, "skip: the port skips the step, and no sum"),
    ],
)
def test_a_fault_is_seen(pair, images, cpu, monkeypatch, fault, seen):
    """At the step at which it acts, by its name."""
    if fault is _clipped_while_scaled:
        monkeypatch.setattr(jaxport.features, "scaled_step", fault)
    else:
        monkeypatch.setattr("compare.measure.trainees.LossScale", fault)
    run = train(pair, images, cpu, PLAN)
    assert run.verdict is Verdict.MISMATCH
    assert seen in run.first_failure
