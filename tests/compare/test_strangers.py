"""What a stranger brings: frozen parameters, flags, gradients switched off, ports that only evaluate."""

import jax.numpy as jnp
import numpy as np
import optax
import pytest
import torch
from flax import linen

from compare.api import verify

USERS_MODELS = True


class Positions(torch.nn.Module):
    """A fixed table of positions, as MAE holds it: a parameter that requires no gradient."""

    def __init__(self):
        super().__init__()
        torch.manual_seed(0)
        self.pos = torch.nn.Parameter(torch.sin(torch.arange(6.0)).reshape(2, 3), requires_grad=False)
        self.fc = torch.nn.Linear(3, 4)

    def forward(self, x):
        return torch.tanh(self.fc(x + self.pos))


class Constant(linen.Module):
    @linen.compact
    def __call__(self, x):
        return jnp.tanh(linen.Dense(4)(x + np.asarray(TABLE)))


class Variable(linen.Module):
    trains: bool = False

    @linen.compact
    def __call__(self, x):
        if self.trains:
            table = self.param("pos", linen.initializers.zeros, (2, 3))
        else:
            table = self.variable("tables", "pos", lambda: jnp.zeros((2, 3))).value
        return jnp.tanh(linen.Dense(4)(x + table))


TABLE = torch.sin(torch.arange(6.0)).reshape(2, 3).numpy()


@pytest.mark.parametrize("port", [Constant(), Variable(), Variable(trains=True)], ids=["constant", "variable", "param"])
def test_a_frozen_parameter_has_neither_gradient_nor_update(port):
    """However the port holds it; and the training steps leave it as it is."""
    optimizers = (lambda p: torch.optim.AdamW(p, lr=0.1, weight_decay=0.1), optax.adamw(0.1, weight_decay=0.1))
    batch = np.ones((2, 3), np.float32)
    report = verify(Positions(), port, batch, optimizers=optimizers, device="cpu", quick=True)
    assert report.verdict == "match"
    names = {one.name for one in report.found.quantities}
    assert not {"grad/pos", "update/pos"} & names
    assert any("frozen in the reference" in notice and "pos" in notice for notice in report.found.notices)


def test_gradients_switched_off_by_the_caller_are_on_inside():
    with torch.no_grad():
        assert verify(torch.nn.Linear(3, 4), linen.Dense(4), np.ones((2, 3), np.float32), device="cpu", quick=True)
    with torch.inference_mode():
        assert verify(torch.nn.Linear(3, 4), linen.Dense(4), np.ones((2, 3), np.float32), device="cpu", quick=True)


def test_the_callers_random_state_is_untouched():
    reference = torch.nn.Sequential(torch.nn.Linear(3, 4), torch.nn.Dropout(0.5))

    class Port(linen.Module):
        @linen.compact
        def __call__(self, x, train: bool = False):
            return linen.Dropout(0.5, deterministic=not train)(linen.Dense(4)(x))

    before = torch.get_rng_state()
    assert verify(reference, Port(), np.ones((2, 3), np.float32), device="cpu", quick=True).verdict == "match"
    assert torch.equal(torch.get_rng_state(), before)


class Flagged(linen.Module):
    @linen.compact
    def __call__(self, x, double, kind="plain"):
        x = linen.Dense(4)(x)
        return 2 * x if double and kind == "plain" else x


class FlaggedReference(torch.nn.Linear):
    def forward(self, x, double, kind="plain"):
        x = super().forward(x)
        return 2 * x if double and kind == "plain" else x


@pytest.mark.parametrize("flags", [(True, "plain"), (False, "other")])
def test_flags_are_no_arrays(flags):
    """They are passed on as they are, to a Linen module that is traced too."""
    batch = (np.ones((2, 3), np.float32), *flags)
    assert verify(FlaggedReference(3, 4), Flagged(), batch, device="cpu", quick=True).verdict == "match"


def test_an_inference_only_port_is_compared_in_evaluation_mode():
    reference = torch.nn.Sequential(torch.nn.Linear(3, 4), torch.nn.Dropout(0.5))
    for training, verdict in ((False, "match"), (True, "mismatch")):
        report = verify(
            reference.train(training), linen.Dense(4), np.ones((2, 3), np.float32), device="cpu", quick=True
        )
        assert report.verdict == verdict
    batch = np.ones((2, 3), np.float32)
    report = verify(reference, linen.Dense(4), batch, modes=("eval",), device="cpu", quick=True)
    assert report.verdict == "match"
