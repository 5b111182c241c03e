"""A small decoder that both sides have as functions: a tied head, blocks with a causal mean and a residual, dropout."""

from collections.abc import Mapping
from typing import Any

import jax
import jax.numpy as jnp
import torch
from jax import lax
from torch import nn

from compare.arrays.batch import Batch
from compare.pair.pair import Pair
from compare.weights.entry import same
from compare.weights.weights import WeightMap

VOCABULARY, WIDTH, INNER, BLOCKS, TOKENS = 11, 6, 8, 3, 5
EMBED = "embed.weight"

Weights = Mapping[str, jax.Array]


class Block(nn.Module):
    """What came before, on average, through two matrices."""

    def __init__(self) -> None:
        super().__init__()
        self.up, self.down = nn.Linear(WIDTH, INNER), nn.Linear(INNER, WIDTH, bias=False)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        mask = torch.tril(torch.ones(x.shape[1], x.shape[1], dtype=x.dtype))
        return self.down(torch.tanh(self.up(mask @ x / TOKENS)))


class Decoder(nn.Module):
    """Token ids (rows, tokens) in, logits (rows, tokens, vocabulary) out."""

    def __init__(self) -> None:
        super().__init__()
        self.embed = nn.Embedding(VOCABULARY, WIDTH)
        self.blocks = nn.ModuleList(Block() for _ in range(BLOCKS))

    def forward(self, ids: torch.Tensor) -> torch.Tensor:
        x = self.embed(ids)
        for block in self.blocks:
            x = x + block(x)
        return x @ self.embed.weight.T


@jax.custom_vjp
def doubled_back(x: jax.Array) -> jax.Array:
    """The same, and twice its gradient."""
    return x


doubled_back.defvjp(lambda x: (x, None), lambda _, back: (2 * back,))


def port(weights: Weights, ids: jax.Array, fault: str = "") -> jax.Array:
    """The same, or with a fault between its layers that none of them shows by itself."""
    x = weights[EMBED][ids]
    order = [1, 0, 2] if fault == "swapped" else range(BLOCKS)
    mask = jnp.tril(jnp.ones((TOKENS, TOKENS), x.dtype), -1 if fault == "mask" else 0)
    for i in order:
        up, bias, down = (weights[f"blocks.{i}.{name}"] for name in ("up.weight", "up.bias", "down.weight"))
        h = jnp.tanh(mask @ x / TOKENS @ up.T + bias) @ down.T
        x = h if fault == "residual" and i == 1 else x + h
        x = doubled_back(x) if fault == "doubled" and i == 1 else x
    head = lax.stop_gradient(weights[EMBED]) if fault == "stopped" else weights[EMBED]
    return x @ head.T


FAULTS = ("stopped", "residual", "swapped", "mask")


def decoder_pair(fault: str = "", **fields: Any) -> Pair:
    """Both sides, under the map by name."""
    torch.manual_seed(0)
    reference = Decoder()
    made: dict[str, Any] = {
        "batch": lambda rng: Batch.of(rng.integers(0, VOCABULARY, (2, TOKENS))),
        "weight_map": WeightMap(same(*dict(reference.named_parameters()))),
        "smooth": True,
        "name": "decoder",
    }
    return Pair(reference, lambda weights, ids: port(weights, ids, fault), **made | fields)


def loss(logits: torch.Tensor) -> torch.Tensor:
    return logits.logsumexp(-1).mean()


def port_loss(logits: jax.Array) -> jax.Array:
    return jax.nn.logsumexp(logits, axis=-1).mean()
