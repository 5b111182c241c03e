"""A vector-quantizing autoencoder whose port forgot a stop_gradient: a bug of the backward pass alone, left on purpose.

Outputs and loss agree to the last digit; only gradients differ. docs/when-a-port-differs.md finds it, step by step.

    jaxport verify examples/differs/quantizer.py
"""

import numpy as np
import torch
import torch.nn.functional as F
from flax import linen
from jax import Array
from jax import numpy as jnp
from torch import Tensor, nn

from compare.pair.pair import Pair

FEATURES, CODE, CODES = 12, 4, 16


# The reference, in PyTorch.


class Quantizer(nn.Module):
    """Replaces each code (batch, code) by the nearest of the codebook, and lets the gradient pass straight through.

    Straight-through estimator: https://arxiv.org/abs/1711.00937, section 3.2.
    """

    def __init__(self) -> None:
        super().__init__()
        self.codebook = nn.Parameter(torch.randn(CODES, CODE))

    def forward(self, z: Tensor) -> Tensor:
        nearest = torch.cdist(z, self.codebook).argmin(dim=1)
        return z + (F.embedding(nearest, self.codebook) - z).detach()


class Autoencoder(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.encoder = nn.Sequential(nn.Linear(FEATURES, FEATURES), nn.Tanh(), nn.Linear(FEATURES, CODE))
        self.quantizer = Quantizer()
        self.decoder = nn.Sequential(nn.Linear(CODE, FEATURES), nn.Tanh(), nn.Linear(FEATURES, FEATURES))

    def forward(self, x: Tensor) -> Tensor:
        return self.decoder(self.quantizer(self.encoder(x)))


# The port, in Flax Linen.


class FlaxQuantizer(linen.Module):
    @linen.compact
    def __call__(self, z: Array) -> Array:
        codebook = self.param("codebook", linen.initializers.normal(), (CODES, CODE))
        apart = jnp.sum((z[:, None, :] - codebook) ** 2, axis=-1)
        nearest = codebook[jnp.argmin(apart, axis=1)]
        return z + (nearest - z)  # the reference detaches what is in the brackets


class FlaxAutoencoder(linen.Module):
    @linen.compact
    def __call__(self, x: Array) -> Array:
        z = linen.Dense(CODE, name="encoder_out")(jnp.tanh(linen.Dense(FEATURES, name="encoder_in")(x)))
        z = FlaxQuantizer(name="quantizer")(z)
        return linen.Dense(FEATURES, name="decoder_out")(jnp.tanh(linen.Dense(FEATURES, name="decoder_in")(z)))


def batch(rng: np.random.Generator) -> np.ndarray:
    """Features (batch, features)."""
    return rng.standard_normal((32, FEATURES)).astype(np.float32)


torch.manual_seed(0)
pair = Pair(
    reference=Autoencoder(),
    port=FlaxAutoencoder(),
    batch=batch,
    loss=(lambda outputs: outputs.square().mean(), lambda outputs: jnp.mean(outputs**2)),
)
