"""Windows: periodic or symmetric, made there or handed to a transform, and what the transform is divided by."""

import jax.numpy as jnp
import pytest
import torch
from torch import nn

from tests.compare.explain.doctor.scenes import drawn, holds, scene_of

SIZE, X = 8, drawn(2, 16)


class Spectrum(nn.Module):
    """The squares of a transform, through a window that it holds."""

    def __init__(self):
        super().__init__()
        self.register_buffer("window", torch.hann_window(SIZE, dtype=torch.float64))

    def forward(self, x):
        window = self.window.to(x.dtype)
        return torch.stft(x, SIZE, 4, window=window, center=False, return_complex=True).abs().square()


class Windowed(nn.Module):
    def forward(self, x):
        return torch.tanh(x * torch.hamming_window(16, dtype=x.dtype))


def spectrum(x, length=SIZE, factor=lambda window: 1.0):
    window = 0.5 - 0.5 * jnp.cos(2 * jnp.pi * jnp.arange(SIZE) / length)
    frames = x[:, jnp.arange(0, 9, 4)[:, None] + jnp.arange(SIZE)]
    made = jnp.fft.rfft(frames * window) * factor(window)
    return (made.real**2 + made.imag**2).transpose(0, 2, 1)


def hamming(x):
    return jnp.tanh(x * (0.54 - 0.46 * jnp.cos(2 * jnp.pi * jnp.arange(16) / 15)))


FAULTS = {
    "divided by the window's sum": (
        Spectrum, lambda x: spectrum(x, factor=lambda window: 1 / window.sum()), "scale", "1 / sum of the window",
    ),
    "divided by the root of its squares": (
        Spectrum, lambda x: spectrum(x, factor=lambda window: (window**2).sum() ** -0.5), "scale",
        "1 / root of the sum of squares of the window",
    ),
    "a symmetric window that is held": (Spectrum, lambda x: spectrum(x, SIZE - 1), "periodic", "False"),
    "a symmetric window": (Windowed, hamming, "periodic", "False"),
}  # fmt: skip


@pytest.mark.parametrize("fault", FAULTS)
def test_a_fault_is_named(fault):
    """The setting, and what the port has."""
    module, port, setting, value = FAULTS[fault]
    cause = holds(scene_of(module().double(), [X], lambda p, x: port(x)), setting).causes[0]
    assert cause.port == value
