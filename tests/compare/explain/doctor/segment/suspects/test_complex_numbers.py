"""Complex numbers: each fault that a port makes with them is named."""

import jax.numpy as jnp
import pytest
import torch
from jax import lax
from torch import nn

from tests.compare.explain.doctor.scenes import drawn, holds, scene_of, sound

X = drawn(3, 8)


class Mixing(nn.Module):
    """A spectrum, a product with the conjugate of another, a modulus, and the real part of what comes back."""

    def forward(self, x):
        spectrum = torch.fft.fft(x, dim=-1)
        turned = torch.view_as_complex(x.unflatten(-1, (4, 2)))
        crossed = spectrum[:, :4] * turned.conj()
        return torch.fft.ifft(crossed, dim=-1).real + spectrum[:, 4:].abs() + spectrum[:, 4:].imag


def port(conjugate=True, norm=None, sign=1, part=jnp.real, size=jnp.abs, made=lax.complex, first=lambda z: z):
    def run(p, x):
        spectrum = jnp.fft.fft(x, axis=-1, norm=norm)
        spectrum = spectrum if sign == 1 else jnp.conj(spectrum)
        pairs = x.reshape(3, 4, 2)
        turned = made(pairs[..., 0], pairs[..., 1])
        crossed = first(spectrum[:, :4]) * (jnp.conj(turned) if conjugate else turned)
        return part(jnp.fft.ifft(crossed, axis=-1)) + size(spectrum[:, 4:]) + spectrum[:, 4:].imag

    return run


ROWS = [
    ("conjugate", "none", {"conjugate": False}),
    ("conjugate", "first", {"first": jnp.conj}),
    ("norm", "ortho", {"norm": "ortho"}),
    ("norm", "forward", {"norm": "forward"}),
    ("part", "imaginary part", {"part": jnp.imag}),
    ("part", "real part", {"size": jnp.real}),
    ("part", "real part", {"made": lambda x, y: x + 0j}),
]


def test_without_a_fault_nothing_is_named():
    sound(scene_of(Mixing(), [X], port()))


@pytest.mark.parametrize(("setting", "value", "options"), ROWS, ids=[f"{s} {v} {next(iter(o))}" for s, v, o in ROWS])
def test_what_a_port_does_otherwise_with_complex_numbers(setting, value, options):
    """A conjugate, a factor of the transform, a part."""
    holds(scene_of(Mixing(), [X], port(**options)), setting, value)


def test_a_transform_with_the_other_sign():
    """Of a transform of real numbers the conjugate of all of it."""
    holds(scene_of(Mixing(), [X], port(sign=-1)), "sign", "the other")
