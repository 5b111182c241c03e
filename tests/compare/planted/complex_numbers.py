"""Faults of complex numbers: a conjugate, a part, a frequency or a factor lost; an optimizer that sees the modulus."""

import numpy as np
import optax
import torch

from tests.compare.planted import nnx_port, paired
from tests.compare.planted.row import Planted
from tests.compare.zoo import normal, seeded
from tests.compare.zoo.complex_numbers import (
    CHANNELS,
    MODES,
    ComplexAttention,
    ComplexAttentionLinen,
    ComplexLayers,
    ComplexLinen,
    LinearRecurrence,
    LinearRecurrenceLinen,
    Spectral,
    SpectralInParts,
    SpectralLinen,
    SpectralNNX,
    complex_rows,
    signals,
)

tokens = normal(2, 5, CHANNELS)


def loss(outputs, targets):
    return (abs(outputs - targets) ** 2).mean()


def scored(rng: np.random.Generator):
    from compare.arrays.batch import Batch

    return Batch.of(complex_rows(rng), complex_rows(rng)[:, :2])


def adam(parameters):
    return torch.optim.Adam(parameters, 0.01)


TRAINED = {"loss": (loss, loss)}
TWO = optax.contrib.split_real_and_imaginary(optax.adam(0.01))

ATTENTION = paired(seeded(ComplexAttention), ComplexAttentionLinen, tokens)
LAYERS = paired(seeded(ComplexLayers), ComplexLinen, complex_rows)
STATES = paired(seeded(LinearRecurrence), LinearRecurrenceLinen, signals)
FOURIER = paired(seeded(Spectral), SpectralLinen, signals)
FOURIER_NNX = paired(seeded(Spectral), nnx_port(SpectralNNX, "whole"), signals)
IN_PARTS_NNX = paired(seeded(SpectralInParts), nnx_port(SpectralNNX, "pair"), signals)
ADAM = paired(seeded(ComplexLayers), ComplexLinen, scored, optimizers=(adam, TWO), **TRAINED)


def fourier(**fault):
    return paired(seeded(Spectral), lambda: SpectralLinen(**fault), signals)


def fourier_nnx(**fault):
    return paired(seeded(Spectral), nnx_port(SpectralNNX, "whole", **fault), signals)


ROWS = [
    Planted(
        "conjugate of k forgotten (Linen)",
        paired(seeded(ComplexAttention), lambda: ComplexAttentionLinen(conjugate=False), tokens),
        ATTENTION,
        setting="conjugate",
    ),
    Planted(
        "result conjugated between layers (Linen)",
        paired(seeded(ComplexLayers), lambda: ComplexLinen(conjugated=True), complex_rows),
        LAYERS,
    ),
    Planted(
        "C of a state space conjugated (Linen)",
        paired(seeded(LinearRecurrence), lambda: LinearRecurrenceLinen(conjugated=True), signals),
        STATES,
        setting="parameter",
    ),
    Planted("spectral weights conjugated (Linen)", fourier(conjugated=True), FOURIER, setting="parameter"),
    Planted(
        "spectral weights conjugated (NNX)",
        paired(seeded(SpectralInParts), nnx_port(SpectralNNX, "pair", conjugated=True), signals),
        IN_PARTS_NNX,
        setting="conjugate",
    ),
    Planted("weights without imaginary parts (NNX)", fourier_nnx(real=True), FOURIER_NNX, setting="parameter"),
    Planted("one mode fewer (NNX)", fourier_nnx(modes=MODES - 1), FOURIER_NNX),
    Planted(
        "one mode fewer of weights in parts (Linen)",
        paired(seeded(SpectralInParts), lambda: SpectralLinen("pair", MODES - 1), signals),
        paired(seeded(SpectralInParts), lambda: SpectralLinen("pair"), signals),
    ),
    Planted("one mode more (NNX)", fourier_nnx(modes=MODES + 1), FOURIER_NNX),
    Planted("transform divided otherwise (NNX)", fourier_nnx(norm="ortho"), FOURIER_NNX, setting="norm", port="ortho"),
    Planted("gradient of the imaginary part stopped (Linen)", fourier(stopped=True), FOURIER, direction="backward"),
    Planted(
        "gradient of the imaginary part stopped (NNX)",
        fourier_nnx(stopped=True),
        FOURIER_NNX,
        direction="backward",
    ),
    Planted(
        "Adam by the modulus (Linen)",
        paired(seeded(ComplexLayers), ComplexLinen, scored, optimizers=(adam, optax.adam(0.01)), **TRAINED),
        ADAM,
        where="optimizer",
        direction="update",
        setting="complex numbers",
    ),
]
