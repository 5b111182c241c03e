"""Numbers rounded to float32 before anything ran: sound ports have a witness, what is further off has none."""

import math

import jax.numpy as jnp
import numpy as np
import pytest
import torch
from flax import linen, nnx

from compare.api import verify

USERS_MODELS = True
WIDTH = 5
LOG_2PI = jnp.log(2 * jnp.pi)  # as it stands above the functions of many a file


def batch(rng):
    return rng.standard_normal((4, WIDTH), dtype=np.float32)


class Reference(torch.nn.Module):
    """Scaled by the root of the width, less a constant, as a kernel might hold it."""

    def __init__(self, buffer=False):
        super().__init__()
        torch.manual_seed(0)
        self.layer = torch.nn.Linear(WIDTH, WIDTH)
        root = torch.from_numpy(np.sqrt(np.array([WIDTH], np.float32))) if buffer else math.sqrt(WIDTH)
        if buffer:
            self.register_buffer("root", root, persistent=False)
        else:
            self.root = root

    def forward(self, x):
        return torch.tanh(self.layer(x) / self.root) ** 2 - 0.5 * math.log(2 * math.pi)


class Port(linen.Module):
    root: float = math.sqrt(WIDTH)
    constant: float = math.log(2 * math.pi)
    shift: float = 0.0

    @linen.compact
    def __call__(self, x):
        x = linen.Dense(WIDTH, name="layer")(x) / self.root
        return jnp.tanh(x + self.shift) ** 2 - 0.5 * self.constant


class PortNNX(nnx.Module):
    """Holds its root as the constructor makes it, in no variable."""

    def __init__(self):
        self.layer, self.root = nnx.Linear(WIDTH, WIDTH, rngs=nnx.Rngs(0)), jnp.sqrt(float(WIDTH))

    def __call__(self, x):
        return jnp.tanh(self.layer(x) / self.root) ** 2 - 0.5 * LOG_2PI


ROOT = np.float32(math.sqrt(WIDTH))
SOUND = {
    "a constant above the functions": (Reference(), Port(constant=LOG_2PI), "1.83787704 of the port"),
    "rounded by NumPy": (Reference(), Port(root=ROOT), "2.23606801 of the port"),
    "two, one an attribute of NNX": (Reference(), PortNNX(), "2.23606801 of the port"),
    "a buffer that NumPy made": (Reference(buffer=True), Port(), "root of the reference"),
}
WRONG = {
    "three units off": Port(root=np.nextafter(np.nextafter(np.nextafter(ROOT, 9), 9), 9, dtype=np.float32)),
    "a fault beside it": Port(root=ROOT, shift=1e-9),
    "a fault beside two": Port(root=ROOT, constant=LOG_2PI, shift=1e-9),
}


@pytest.mark.parametrize("name", SOUND)
def test_a_number_rounded_before_the_program_ran_is_a_witness(name):
    """Whatever it was before, a decimal, a root or the logarithm that a kernel of the other side holds half of."""
    reference, port, text = SOUND[name]
    report = verify(reference, port, batch, device="cpu", quick=True)
    assert report.verdict == "float32_only"
    reasons = {one.judgement.reason for one in report.found.quantities if one.verdict == "float32_only"}
    assert any(f"held in float32: {text}" in reason for reason in reasons)


@pytest.mark.parametrize("name", WRONG)
def test_a_number_does_not_stand_for_more_than_its_rounding(name):
    """Nor for what is no number's: a shift of 1e-9 beside it."""
    assert verify(Reference(), WRONG[name], batch, device="cpu", quick=True).verdict == "mismatch"
