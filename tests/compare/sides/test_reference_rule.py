"""The reference's optimizer on recorded gradients: what it does to parameters, what it clips, and its schedule."""

import numpy as np
import torch
from torch.optim import lr_scheduler

from compare.pair.pair import Optimizers
from compare.pair.prepare import prepare
from compare.sides.reference_rule import groups_of, rates_ahead, run_reference_rule
from compare.sides.rule_inputs import rule_inputs
from compare.verdict.precision import FLOAT32, FLOAT64
from tests.compare.small import dense_pair

INPUTS = rule_inputs(prepare(dense_pair()), FLOAT32, 0, 40)


def trained(make) -> Optimizers:
    return Optimizers(make, None)


def halved_at(step: int):
    def make(parameters):
        optimizer = torch.optim.SGD(parameters, 0.1)
        schedule = lr_scheduler.StepLR(optimizer, step, 0.5)
        optimizer.register_step_post_hook(lambda *_: schedule.step())
        return optimizer

    return make


def test_each_step_takes_its_gradient():
    """Plain descent: the parameters are the sum of what was given; in float64 to its rounding."""
    run = run_reference_rule(trained(lambda p: torch.optim.SGD(p, 0.5)), INPUTS, {}, FLOAT64)
    wanted = INPUTS.values - 0.5 * np.concatenate([np.zeros((1, 43)), np.cumsum(INPUTS.gradients, axis=0)])
    np.testing.assert_allclose(run.after, wanted, rtol=1e-12, atol=1e-12)
    assert run.rates is not None
    assert (run.rates == 0.5).all()
    assert not run.clipped.any()
    assert not run.ended


def test_a_clip_that_acts_is_seen():
    """In the steps whose gradients are longer than it allows, and in no others."""

    def make(parameters):
        optimizer = torch.optim.SGD(parameters, 0.1)

        def clip(*_) -> None:
            torch.nn.utils.clip_grad_norm_(parameters, 2.0)

        optimizer.register_step_pre_hook(clip)
        return optimizer

    run = run_reference_rule(trained(make), INPUTS, {}, FLOAT64)
    np.testing.assert_array_equal(run.clipped, np.linalg.norm(INPUTS.gradients, axis=1) > 2)
    assert 0 < run.clipped.sum() < 40


def test_a_schedule_is_followed_with_and_without_gradients():
    """Its rates by step, the same both ways; torch's schedulers leave a mark on what they hang on."""
    run = run_reference_rule(trained(halved_at(30)), INPUTS, {}, FLOAT64)
    ahead = rates_ahead(trained(halved_at(30)), INPUTS, {}, 100)
    assert ahead.scheduled
    assert ahead.complete
    assert run.rates is not None
    assert ahead.rates is not None
    np.testing.assert_array_equal(run.rates, ahead.rates[:40])
    np.testing.assert_array_equal(ahead.rates[[29, 30, 60, 90], 0], [0.1, 0.05, 0.025, 0.0125])
    assert not rates_ahead(trained(lambda p: torch.optim.SGD(p, 0.1)), INPUTS, {}, 5).scheduled


def test_a_schedule_that_ends_in_an_error_ends_the_run():
    """torch's one cycle raises after its last step: what was done until then is kept."""

    def make(parameters):
        optimizer = torch.optim.SGD(parameters, 0.1)
        schedule = lr_scheduler.OneCycleLR(optimizer, 0.1, total_steps=20, cycle_momentum=False)
        optimizer.register_step_post_hook(lambda *_: schedule.step())
        return optimizer

    run = run_reference_rule(trained(make), INPUTS, {}, FLOAT64)
    assert run.ended
    assert len(run.after) == 21  # the start, and twenty steps
    assert not rates_ahead(trained(make), INPUTS, {}, 40).complete


def test_what_torch_keeps_in_float32_is_float64_in_the_oracle():
    """NAdam's product of momenta: with it in float32 the two runs would be 1e-8 apart in the oracle too."""
    by_hand = trained(lambda p: torch.optim.NAdam(p, 1e-2))
    run = run_reference_rule(by_hand, INPUTS, {}, FLOAT64)
    first = -(run.after[1] - run.after[0]) / 1e-2
    beta1, decay = 0.9, 4e-3
    mus = [beta1 * (1 - 0.5 * 0.96 ** (t * decay)) for t in (1, 2)]
    g = INPUTS.gradients[0]
    mean = mus[1] * (1 - beta1) * g / (1 - mus[0] * mus[1]) + (1 - mus[0]) * g / (1 - mus[0])
    np.testing.assert_allclose(first, mean / (np.abs(g) + 1e-8), rtol=1e-12)
    assert torch.get_default_dtype() is torch.float32


def test_groups_are_found_in_an_optimizer_that_holds_another():
    """A wrapper of one's own, as training loops have; None where there is nothing with a rate."""
    inner = torch.optim.SGD([torch.nn.Parameter(torch.ones(1))], 0.1)

    class Around:
        def __init__(self) -> None:
            self.wrapped = inner

    assert groups_of(Around()) is inner.param_groups
    assert groups_of(object()) is None
