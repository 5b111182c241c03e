"""The core stages of optax in a rule's words."""

import optax
import pytest

from compare.explain.doctor.updates.optax_cores import CORES, MOMENTA, UnreadError, value
from compare.explain.doctor.updates.optax_stages import stages_of
from compare.explain.doctor.updates.rules import ADAGRAD, ADAM, CORRECTED, OFF, RMSPROP, UNBIASED, Rule


def core(transformation):
    (stage,) = stages_of(transformation)
    return (CORES | MOMENTA)[stage.name](Rule(), stage.given)


def test_each_core_sets_its_settings():
    """optax's own defaults, which are not torch's."""
    adam = core(optax.scale_by_adam())
    assert (adam.family, adam.epsilon, adam.epsilon_root, adam.bias_correction, adam.amsgrad) == (
        ADAM,
        1e-8,
        0,
        True,
        OFF,
    )
    assert core(optax.scale_by_amsgrad()).amsgrad == CORRECTED
    rms = core(optax.scale_by_rms())
    assert (rms.family, rms.decay, rms.epsilon, rms.epsilon_root, rms.centered) == (RMSPROP, 0.9, 0, 1e-8, False)
    assert core(optax.scale_by_stddev(eps_in_sqrt=False)).epsilon == 1e-8
    assert core(optax.scale_by_stddev()).centered
    rss = core(optax.scale_by_rss())
    assert (rss.family, rss.initial, rss.epsilon, rss.epsilon_root) == (ADAGRAD, 0.1, 0, 1e-7)
    assert (core(optax.trace(0.5, nesterov=True)).momentum, core(optax.trace(0.5, nesterov=True)).nesterov) == (
        0.5,
        True,
    )
    assert core(optax.ema(0.5)).average == UNBIASED


def test_what_changes_from_step_to_step_is_no_setting():
    """A schedule, and an AMSGrad without its correction."""
    with pytest.raises(UnreadError, match="a schedule"):
        value(lambda step: 0.1)
    with pytest.raises(UnreadError, match="without its bias correction"):
        core(optax.scale_by_amsgrad(bias_correction_nu=False))
