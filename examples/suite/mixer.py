"""A mixer block, written twice: in PyTorch, and its port to Flax."""

import jax
import torch
from flax import linen

TOKENS, FEATURES, HIDDEN = 6, 8, 16


class Mixer(torch.nn.Module):
    """(batch, tokens, features): one layer over the tokens, a small network over the features."""

    def __init__(self) -> None:
        super().__init__()
        self.norm_tokens = torch.nn.LayerNorm(FEATURES)
        self.tokens = torch.nn.Linear(TOKENS, TOKENS)
        self.norm_features = torch.nn.LayerNorm(FEATURES)
        self.inner = torch.nn.Linear(FEATURES, HIDDEN)
        self.outer = torch.nn.Linear(HIDDEN, FEATURES)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = x + self.tokens(self.norm_tokens(x).mT).mT
        return x + self.outer(torch.nn.functional.gelu(self.inner(self.norm_features(x))))


class FlaxMixer(linen.Module):
    approximate: bool = False  # torch's GELU is the exact one

    @linen.compact
    def __call__(self, x: jax.Array) -> jax.Array:
        h = linen.LayerNorm(epsilon=1e-5, name="norm_tokens")(x)
        x = x + linen.Dense(TOKENS, name="tokens")(h.swapaxes(1, 2)).swapaxes(1, 2)
        h = linen.LayerNorm(epsilon=1e-5, name="norm_features")(x)
        h = jax.nn.gelu(linen.Dense(HIDDEN, name="inner")(h), approximate=self.approximate)
        return x + linen.Dense(FEATURES, name="outer")(h)
