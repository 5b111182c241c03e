"""Complex parameters under optimizers that square them: that the port's takes one number each is told."""

import jax.numpy as jnp
import optax
import pytest
import torch
from flax import linen

from compare.explain.doctor.updates.updates import diagnose_updates
from compare.pair.pair import Pair
from tests.compare.explain.doctor.trained import O, made, stepped
from tests.compare.small import X


class Spectrum(torch.nn.Module):
    """A complex layer of real inputs, and a real one."""

    def __init__(self):
        super().__init__()
        torch.manual_seed(0)
        self.turn, self.head = torch.nn.Linear(4, 3, dtype=torch.cfloat), torch.nn.Linear(3, 2)

    def forward(self, x):
        return self.head(self.turn(x.to(self.turn.weight.dtype)).abs())


class SpectrumPort(linen.Module):
    @linen.compact
    def __call__(self, x):
        z = linen.Dense(3, param_dtype=jnp.complex64, name="turn")(x)
        return linen.Dense(2, name="head")(jnp.abs(z))


def diagnosed(cpu, reference, port):
    quartet, entering, judged = stepped(cpu, Pair(Spectrum(), SpectrumPort(), X, optimizers=(reference, port)))
    return judged, diagnose_updates(quartet, entering, judged)


def split(transformation):
    return optax.contrib.split_real_and_imaginary(transformation)


@pytest.mark.parametrize(
    ("reference", "port"),
    [
        (made(O.Adam, lr=0.1), optax.adam(0.1)),
        (made(O.RMSprop, lr=0.1, alpha=0.9), optax.rmsprop(0.1, eps_in_sqrt=False)),
    ],
    ids=["Adam", "RMSprop"],
)
def test_an_optimizer_that_takes_the_modulus_is_named(reference, port, cpu):
    """With each part a number of its own the port's updates are torch's."""
    judged, diagnosis = diagnosed(cpu, reference, port)
    assert judged.judgements["update/turn.weight"].verdict == "mismatch"
    assert judged.judgements["update/head.weight"].verdict == "match"
    (cause,) = diagnosis.causes
    assert (cause.setting, cause.certain, cause.after < 1e-12 < cause.before) == ("complex numbers", True, True)
    assert "optax.contrib.split_real_and_imaginary" in cause.text


@pytest.mark.parametrize(
    ("reference", "port"),
    [
        (made(O.Adam, lr=0.1), split(optax.adam(0.1))),
        (made(O.RMSprop, lr=0.1, alpha=0.9), split(optax.rmsprop(0.1, eps_in_sqrt=False))),
        (made(O.SGD, lr=0.1, momentum=0.9), optax.sgd(0.1, 0.9)),
    ],
    ids=["Adam", "RMSprop", "SGD"],
)
def test_what_keeps_the_parts_apart_is_sound(reference, port, cpu):
    """SGD and its momentum are linear, and take a complex number as it comes."""
    judged, diagnosis = diagnosed(cpu, reference, port)
    assert {str(one.verdict) for one in judged.judgements.values()} == {"match"}
    assert diagnosis.causes == ()


def test_another_fault_of_the_optimizer_is_still_another(cpu):
    """The parts are kept apart, and the rate is wrong: it is the rate that is named."""
    _, diagnosis = diagnosed(cpu, made(O.Adam, lr=0.1), split(optax.adam(0.05)))
    assert all(cause.setting != "complex numbers" for cause in diagnosis.causes)
    assert any("learning rate" in cause.setting for cause in diagnosis.causes)
