"""Sound ports with complex numbers: Fourier layers, state space models, complex layers, inputs and outputs.

What only looks like a difference: a complex parameter that the other side holds as its parts, in one array with a last
axis of two or in two arrays; arithmetic of the parts by hand; a recurrence as a scan, a loop or a convolution.
"""

from typing import Any

import equinox as eqx
import jax
import numpy as np
import torch
import torch.nn.functional as F
from flax import linen, nnx
from jax import Array, lax
from jax import numpy as jnp
from torch import Tensor, nn

from tests.compare.zoo import normal, seeded
from tests.compare.zoo.equinox_ports import by_rows
from tests.compare.zoo.row import Sound
from tests.compare.zoo.sequences import nnx_port

ROWS_IN, CHANNELS, STEPS, MODES = 3, 4, 10, 3
STATES = 3
Params = dict[str, Any]
INIT = linen.initializers.normal()


def signals(rng: np.random.Generator) -> np.ndarray:
    return rng.standard_normal((ROWS_IN, STEPS, CHANNELS), dtype=np.float32)


def images(rng: np.random.Generator) -> np.ndarray:
    return rng.standard_normal((2, CHANNELS, 6, 8), dtype=np.float32)


def complex_rows(rng: np.random.Generator) -> np.ndarray:
    return (rng.standard_normal((5, CHANNELS)) + 1j * rng.standard_normal((5, CHANNELS))).astype(np.complex64)


# Fourier layers, as neural operators have them.


class Spectral(nn.Module):
    """The lowest frequencies through a complex matrix each, beside a plain layer."""

    held_in_parts = False

    def __init__(self) -> None:
        super().__init__()
        weight = torch.randn(CHANNELS, CHANNELS, MODES, dtype=torch.cfloat) / CHANNELS
        self.weight = nn.Parameter(torch.view_as_real(weight).clone() if self.held_in_parts else weight)
        self.skip, self.head = nn.Linear(CHANNELS, CHANNELS), nn.Linear(CHANNELS, 2)

    def spectral(self, x: Tensor) -> Tensor:
        weight = torch.view_as_complex(self.weight) if self.held_in_parts else self.weight
        spectrum = torch.fft.rfft(x, dim=1)
        kept = torch.zeros_like(spectrum)
        kept[:, :MODES] = torch.einsum("bmi,iom->bmo", spectrum[:, :MODES], weight)
        return torch.fft.irfft(kept, n=x.shape[1], dim=1)

    def forward(self, x: Tensor) -> Tensor:
        return self.head(F.gelu(self.spectral(x) + self.skip(x)))


class SpectralInParts(Spectral):
    held_in_parts = True


def spectral(x: Array, weight: Array, modes: int = MODES, norm: str = "backward") -> Array:
    if modes > MODES:  # one more than there are weights for
        weight = jnp.concatenate([weight, weight[..., -1:]], -1)
    kept = jnp.einsum("bmi,iom->bmo", jnp.fft.rfft(x, axis=1, norm=norm)[:, :modes], weight[..., :modes])
    return jnp.fft.irfft(jnp.pad(kept, ((0, 0), (0, x.shape[1] // 2 + 1 - modes), (0, 0))), n=x.shape[1], axis=1)


class SpectralLinen(linen.Module):
    """``held``: the weight as it is, in parts ("pair"), or in two arrays ("apart")."""

    held: str = "whole"
    modes: int = MODES
    norm: str = "backward"
    conjugated: bool = False
    stopped: bool = False

    @linen.compact
    def __call__(self, x: Array) -> Array:
        shape = (CHANNELS, CHANNELS, MODES)
        if self.held == "whole":
            weight = self.param("weight", INIT, shape, jnp.complex64)
        elif self.held == "pair":
            parts = self.param("weight", INIT, (*shape, 2))
            weight = lax.complex(parts[..., 0], parts[..., 1])
        else:
            weight = self.param("weight_real", INIT, shape) + 1j * self.param("weight_imag", INIT, shape)
        weight = jnp.conj(weight) if self.conjugated else weight
        weight = weight.real + 1j * lax.stop_gradient(weight.imag) if self.stopped else weight
        x = spectral(x, weight, self.modes, self.norm) + linen.Dense(CHANNELS, name="skip")(x)
        return linen.Dense(2, name="head")(jax.nn.gelu(x, approximate=False))


class SpectralNNX(nnx.Module):
    def __init__(self, held: str, rngs: nnx.Rngs) -> None:
        shape = (CHANNELS, CHANNELS, MODES)
        self.weight = nnx.Param(jnp.zeros((*shape, 2)) if held == "pair" else jnp.zeros(shape, jnp.complex64))
        self.skip, self.head = nnx.Linear(CHANNELS, CHANNELS, rngs=rngs), nnx.Linear(CHANNELS, 2, rngs=rngs)
        self.conjugated = self.stopped = self.real = False
        self.modes, self.norm = MODES, "backward"

    def __call__(self, x: Array) -> Array:
        weight = self.weight[...]
        weight = weight if jnp.iscomplexobj(weight) else weight[..., 0] + 1j * weight[..., 1]
        weight = jnp.conj(weight) if self.conjugated else weight
        weight = weight.real + 1j * lax.stop_gradient(weight.imag) if self.stopped else weight
        weight = weight.real + 0j if self.real else weight
        x = spectral(x, weight, self.modes, self.norm) + self.skip(x)
        return self.head(jax.nn.gelu(x, approximate=False))


class Spectral2d(nn.Module):
    """Two blocks of frequencies: the rows of an image have negative ones too."""

    def __init__(self) -> None:
        super().__init__()
        shape = (CHANNELS, CHANNELS, 2, MODES)
        self.weights1 = nn.Parameter(torch.randn(shape, dtype=torch.cfloat) / CHANNELS)
        self.weights2 = nn.Parameter(torch.randn(shape, dtype=torch.cfloat) / CHANNELS)
        self.head = nn.Conv2d(CHANNELS, 2, 1)

    def forward(self, x: Tensor) -> Tensor:
        spectrum = torch.fft.rfft2(x, norm="ortho")
        kept = torch.zeros_like(spectrum)
        kept[:, :, :2, :MODES] = torch.einsum("bixy,ioxy->boxy", spectrum[:, :, :2, :MODES], self.weights1)
        kept[:, :, -2:, :MODES] = torch.einsum("bixy,ioxy->boxy", spectrum[:, :, -2:, :MODES], self.weights2)
        return self.head(torch.tanh(torch.fft.irfft2(kept, s=x.shape[-2:], norm="ortho")))


class Spectral2dLinen(linen.Module):
    """Channels last; each block's parts are arrays of their own."""

    @linen.compact
    def __call__(self, x: Array) -> Array:
        shape = (CHANNELS, CHANNELS, 2, MODES)
        spectrum = jnp.fft.rfft2(x, axes=(1, 2), norm="ortho")
        kept = jnp.zeros_like(spectrum)
        for rows, number in ((slice(0, 2), 1), (slice(-2, None), 2)):
            real, imag = (self.param(f"weights{number}_{part}", INIT, shape) for part in ("re", "im"))
            block = jnp.einsum("bxyi,ioxy->bxyo", spectrum[:, rows, :MODES], lax.complex(real, imag))
            kept = kept.at[:, rows, :MODES].set(block)
        x = jnp.fft.irfft2(kept, s=x.shape[1:3], axes=(1, 2), norm="ortho")
        return linen.Conv(2, (1, 1), name="head")(jnp.tanh(x))


# Layers of complex numbers, and what goes in and out of them.


class ComplexLayers(nn.Module):
    """A modulus that saturates, its argument kept; the result is complex."""

    def __init__(self) -> None:
        super().__init__()
        self.first = nn.Linear(CHANNELS, 6, dtype=torch.cfloat)
        self.second = nn.Linear(6, 2, bias=False, dtype=torch.cfloat)

    def forward(self, z: Tensor) -> Tensor:
        z = self.first(z)
        return self.second(z / (1 + z.abs()))


class ComplexLinen(linen.Module):
    conjugated: bool = False

    @linen.compact
    def __call__(self, z: Array) -> Array:
        z = linen.Dense(6, dtype=jnp.complex64, param_dtype=jnp.complex64, name="first")(z)
        z = jnp.conj(z) if self.conjugated else z
        z = z / (1 + jnp.abs(z))
        return linen.Dense(2, False, dtype=jnp.complex64, param_dtype=jnp.complex64, name="second")(z)


class ComplexNNX(nnx.Module):
    def __init__(self, rngs: nnx.Rngs) -> None:
        self.first = nnx.Linear(CHANNELS, 6, param_dtype=jnp.complex64, rngs=rngs)
        self.second = nnx.Linear(6, 2, use_bias=False, param_dtype=jnp.complex64, rngs=rngs)

    def __call__(self, z: Array) -> Array:
        z = self.first(z)
        return self.second(z / (1 + jnp.abs(z)))


class ComplexEquinox(eqx.Module):
    first: eqx.nn.Linear
    second: eqx.nn.Linear

    def __init__(self) -> None:
        key = jax.random.key(0)
        self.first = eqx.nn.Linear(CHANNELS, 6, dtype=jnp.complex64, key=key)
        self.second = eqx.nn.Linear(6, 2, use_bias=False, dtype=jnp.complex64, key=key)

    def __call__(self, z: Array) -> Array:
        z = self.first(z)
        return self.second(z / (1 + jnp.abs(z)))


def complex_by_hand(p: Params, z: Array) -> Array:
    """Products of the parts, written out, of weights in one array."""
    x, y = z.real, z.imag
    first, bias, second = p["first.weight"], p["first.bias"], p["second.weight"]
    x, y = (
        x @ first.real.T - y @ first.imag.T + bias.real,
        x @ first.imag.T + y @ first.real.T + bias.imag,
    )
    size = 1 + jnp.sqrt(x**2 + y**2)
    return lax.complex(x / size, y / size) @ second.T


class ComplexAttention(nn.Module):
    """Weights by the real part of q times the conjugate of k; real numbers come out."""

    def __init__(self) -> None:
        super().__init__()
        self.q, self.k, self.v = (nn.Linear(CHANNELS, CHANNELS, False, dtype=torch.cfloat) for _ in range(3))

    def forward(self, x: Tensor) -> Tensor:
        z = torch.fft.fft(x, dim=-1)
        scores = (self.q(z) @ self.k(z).conj().transpose(-1, -2)).real / CHANNELS
        return (scores.softmax(-1).to(z.dtype) @ self.v(z)).abs()


class ComplexAttentionLinen(linen.Module):
    conjugate: bool = True

    @linen.compact
    def __call__(self, x: Array) -> Array:
        z = jnp.fft.fft(x, axis=-1)
        q, k, v = (linen.Dense(CHANNELS, False, param_dtype=jnp.complex64, name=name)(z) for name in "qkv")
        scores = jnp.einsum("bqi,bki->bqk", q, jnp.conj(k) if self.conjugate else k).real / CHANNELS
        return jnp.abs(jnp.einsum("bqk,bki->bqi", jax.nn.softmax(scores), v))


# State space models.


class DiagonalStates(nn.Module):
    """S4D: a convolution with a kernel of complex exponentials, by the Fourier transform; C is held in parts."""

    def __init__(self) -> None:
        super().__init__()
        self.log_dt = nn.Parameter(torch.rand(CHANNELS) * 2 - 3)
        self.log_A_real = nn.Parameter(torch.log(0.5 * torch.ones(CHANNELS, STATES)) + 0.1 * torch.rand(1))
        self.A_imag = nn.Parameter(torch.pi * torch.arange(STATES).repeat(CHANNELS, 1) + 0.1)
        self.C = nn.Parameter(torch.view_as_real(torch.randn(CHANNELS, STATES, dtype=torch.cfloat)).clone())
        self.D = nn.Parameter(torch.randn(CHANNELS))

    def forward(self, x: Tensor) -> Tensor:
        dt, C = torch.exp(self.log_dt), torch.view_as_complex(self.C)
        A = -torch.exp(self.log_A_real) + 1j * self.A_imag
        dtA = A * dt.unsqueeze(-1)
        steps = torch.exp(dtA.unsqueeze(-1) * torch.arange(x.shape[1], device=x.device))
        kernel = 2 * torch.einsum("hn,hnl->hl", C * (torch.exp(dtA) - 1.0) / A, steps).real
        signal = x.transpose(1, 2)
        n = 2 * x.shape[1]
        y = torch.fft.irfft(torch.fft.rfft(kernel, n=n) * torch.fft.rfft(signal, n=n), n=n)[..., : x.shape[1]]
        return (y + signal * self.D.unsqueeze(-1)).transpose(1, 2)


class DiagonalStatesLinen(linen.Module):
    """The same kernel, convolved directly; C is complex."""

    @linen.compact
    def __call__(self, x: Array) -> Array:
        shape = (CHANNELS, STATES)
        dt = jnp.exp(self.param("log_dt", INIT, (CHANNELS,)))
        A = lax.complex(-jnp.exp(self.param("log_A_real", INIT, shape)), self.param("A_imag", INIT, shape))
        C, D = self.param("C", INIT, shape, jnp.complex64), self.param("D", INIT, (CHANNELS,))
        dtA = A * dt[:, None]
        powers = jnp.exp(dtA[..., None] * jnp.arange(x.shape[1]))
        kernel = 2 * jnp.einsum("hn,hnl->hl", C * (jnp.exp(dtA) - 1) / A, powers).real
        after = jnp.arange(x.shape[1])[:, None] - jnp.arange(x.shape[1])
        matrix = jnp.where(after >= 0, kernel[:, jnp.maximum(after, 0)], 0)
        return jnp.einsum("hts,bsh->bth", matrix, x) + D * x


class LinearRecurrence(nn.Module):
    """LRU: a diagonal complex recurrence, step by step; B and C are complex."""

    def __init__(self) -> None:
        super().__init__()
        self.nu_log, self.theta_log = nn.Parameter(torch.rand(STATES) - 2), nn.Parameter(torch.rand(STATES))
        self.B = nn.Parameter(torch.randn(STATES, CHANNELS, dtype=torch.cfloat))
        self.C = nn.Parameter(torch.randn(CHANNELS, STATES, dtype=torch.cfloat))

    def forward(self, x: Tensor) -> Tensor:
        powers = torch.exp(torch.complex(-torch.exp(self.nu_log), torch.exp(self.theta_log)))
        gain = torch.sqrt(1 - powers.abs() ** 2)
        state = torch.zeros(x.shape[0], STATES, dtype=powers.dtype)
        made = []
        for step in x.unbind(1):
            state = powers * state + gain * (step.to(powers.dtype) @ self.B.T)
            made.append((state @ self.C.T).real)
        return torch.stack(made, 1)


class LinearRecurrenceLinen(linen.Module):
    """An associative scan over all steps; the parts of B and C apart."""

    conjugated: bool = False

    @linen.compact
    def __call__(self, x: Array) -> Array:
        nu, theta = (self.param(f"{name}_log", INIT, (STATES,)) for name in ("nu", "theta"))
        powers = jnp.exp(-jnp.exp(nu) + 1j * jnp.exp(theta))
        gain = jnp.sqrt(1 - jnp.abs(powers) ** 2)
        B, C = (
            self.param(f"{name}_re", INIT, shape) + 1j * self.param(f"{name}_im", INIT, shape)
            for name, shape in (("B", (STATES, CHANNELS)), ("C", (CHANNELS, STATES)))
        )
        entering = gain * (x.astype(powers.dtype) @ B.T)
        decays = jnp.broadcast_to(powers, entering.shape)
        _, states = lax.associative_scan(lambda a, b: (a[0] * b[0], b[0] * a[1] + b[1]), (decays, entering), axis=1)
        return (states @ (jnp.conj(C) if self.conjugated else C).T).real


def held_as_real() -> linen.Module:
    return SpectralLinen("pair")


WHOLE_NNX = nnx_port(lambda rngs: SpectralNNX("whole", rngs))

ROWS = [
    Sound("spectral_linen", seeded(Spectral), SpectralLinen, signals),
    Sound("spectral_pair_linen", seeded(Spectral), held_as_real, signals),
    Sound("spectral_apart_linen", seeded(Spectral), lambda: SpectralLinen("apart"), signals),
    Sound("spectral_nnx", seeded(Spectral), WHOLE_NNX, signals),
    Sound("spectral_pair_nnx", seeded(Spectral), nnx_port(lambda rngs: SpectralNNX("pair", rngs)), signals),
    Sound("spectral_in_parts_linen", seeded(SpectralInParts), held_as_real, signals),
    Sound("spectral_in_parts_apart_linen", seeded(SpectralInParts), lambda: SpectralLinen("apart"), signals),
    Sound("spectral_in_parts_whole_nnx", seeded(SpectralInParts), WHOLE_NNX, signals),
    Sound("spectral_2d_linen", seeded(Spectral2d), Spectral2dLinen, images),
    Sound("complex_layers_linen", seeded(ComplexLayers), ComplexLinen, complex_rows),
    Sound("complex_layers_nnx", seeded(ComplexLayers), nnx_port(ComplexNNX), complex_rows),
    Sound("complex_layers_equinox", seeded(ComplexLayers), lambda: (by_rows, ComplexEquinox()), complex_rows),
    Sound("complex_layers_function", seeded(ComplexLayers), lambda: complex_by_hand, complex_rows),
    Sound("complex_attention_linen", seeded(ComplexAttention), ComplexAttentionLinen, normal(2, 5, CHANNELS)),
    Sound("diagonal_states_linen", seeded(DiagonalStates), DiagonalStatesLinen, signals),
    Sound("linear_recurrence_linen", seeded(LinearRecurrence), LinearRecurrenceLinen, signals),
]
