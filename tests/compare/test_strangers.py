"""What a stranger brings: frozen parameters, flags, gradients switched off, ports that only evaluate."""

import jax
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


class Attention(torch.nn.Module):
    """One head over a float mask of 0 and -1e9."""

    def __init__(self):
        super().__init__()
        torch.manual_seed(0)
        self.query, self.key, self.value = (torch.nn.Linear(6, 6) for _ in range(3))

    def forward(self, x, mask):
        scores = self.query(x) @ self.key(x).transpose(1, 2) / 6**0.5 + mask
        return scores.softmax(-1) @ self.value(x)


class StoppedAttention(linen.Module):
    stops: bool

    @linen.compact
    def __call__(self, x, mask):
        scores = linen.Dense(6, name="query")(x) @ linen.Dense(6, name="key")(x).swapaxes(1, 2) / 6**0.5 + mask
        scores = jax.lax.stop_gradient(scores) if self.stops else scores
        return jax.nn.softmax(scores) @ linen.Dense(6, name="value")(x)


@pytest.mark.parametrize(("stops", "verdict"), [(False, "match"), (True, "mismatch")])
def test_a_masks_fill_does_not_make_a_kink_of_a_fault(stops, verdict):
    """The neighbours of a probe must not saturate the softmax: there every gradient vanishes, the stopped one too."""
    x = np.random.default_rng(0).standard_normal((2, 5, 6)).astype(np.float32)
    mask = np.where(np.tril(np.ones((5, 5))) > 0, 0, -1e9).astype(np.float32)
    report = verify(Attention(), StoppedAttention(stops), (x, mask), device="cpu", quick=True)
    assert report.verdict == verdict
    assert not any(one.kink for one in report.found.quantities)


class Images(torch.nn.Module):
    def __init__(self):
        super().__init__()
        torch.manual_seed(0)
        self.conv = torch.nn.Conv2d(3, 4, 3, padding=1)

    def forward(self, x):
        return self.conv(torch.relu_(x))


class LastImages(linen.Module):
    @linen.compact
    def __call__(self, x):
        return linen.Conv(4, (3, 3), padding=1)(linen.relu(x))


def test_adapters_get_their_own_sides_arrays_and_layouts_are_theirs():
    """permute() is torch's, transpose() JAX's; and an input may be changed in place."""
    x = np.random.default_rng(0).standard_normal((2, 5, 7, 3)).astype(np.float32)
    report = verify(
        Images(), LastImages(), x, device="cpu", quick=True,
        reference_inputs=lambda x: x.permute(0, 3, 1, 2), port_inputs=lambda x: x + 0,
        reference_outputs=lambda y: {"image": y}, port_outputs=lambda y: {"image": y.transpose(0, 3, 1, 2)},
    )  # fmt: skip
    assert report.verdict == "match"


def test_a_bfloat16_module_is_read():
    report = verify(Images().bfloat16(), LastImages(), np.ones((2, 3, 5, 7), np.float32), device="cpu", quick=True)
    assert report.verdict == "match"
