"""A decoder of any size as a pair, in PyTorch and in Flax: what ``benchmarks/by_module.py`` verifies.

JAXPORT_DECODER='{"layers": 2, "width": 64}' jaxport verify benchmarks/decoder_pair.py --quick --by-module
"""

import json
import os

import jax
import numpy as np
import torch
from flax import linen
from jax import Array
from jax import numpy as jnp
from torch import Tensor, nn
from torch.nn import functional as F

from compare.pair.pair import Pair

DEFAULTS = {"layers": 2, "width": 64, "heads": 4, "kv_heads": 2, "inner": 176, "vocabulary": 256, "tied": 1}
SIZES = DEFAULTS | {"rows": 2, "tokens": 16} | json.loads(os.environ.get("JAXPORT_DECODER", "{}"))
LAYERS, WIDTH, HEADS, KV_HEADS, INNER, VOCABULARY, TIED, ROWS, TOKENS = SIZES.values()
HEAD = WIDTH // HEADS
EPSILON, THETA = 1e-6, 10000.0


class RMSNorm(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.ones(WIDTH))

    def forward(self, x: Tensor) -> Tensor:
        return self.weight * (x * torch.rsqrt(x.pow(2).mean(dim=-1, keepdim=True) + EPSILON))


class Attention(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.q_proj = nn.Linear(WIDTH, HEADS * HEAD, bias=False)
        self.k_proj = nn.Linear(WIDTH, KV_HEADS * HEAD, bias=False)
        self.v_proj = nn.Linear(WIDTH, KV_HEADS * HEAD, bias=False)
        self.o_proj = nn.Linear(HEADS * HEAD, WIDTH, bias=False)

    def forward(self, x: Tensor, cos: Tensor, sin: Tensor) -> Tensor:
        rows, tokens, _ = x.shape
        q, k, v = (
            project(x).view(rows, tokens, -1, HEAD).transpose(1, 2)
            for project in (self.q_proj, self.k_proj, self.v_proj)
        )
        q, k = (one * cos + torch.cat([-one[..., HEAD // 2 :], one[..., : HEAD // 2]], -1) * sin for one in (q, k))
        k, v = (one.repeat_interleave(HEADS // KV_HEADS, dim=1) for one in (k, v))
        mixed = F.scaled_dot_product_attention(q, k, v, is_causal=True)
        return self.o_proj(mixed.transpose(1, 2).reshape(rows, tokens, -1))


class Block(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.input_norm, self.post_norm = RMSNorm(), RMSNorm()
        self.attention = Attention()
        self.gate, self.up = nn.Linear(WIDTH, INNER, bias=False), nn.Linear(WIDTH, INNER, bias=False)
        self.down = nn.Linear(INNER, WIDTH, bias=False)

    def forward(self, x: Tensor, cos: Tensor, sin: Tensor) -> Tensor:
        x = x + self.attention(self.input_norm(x), cos, sin)
        h = self.post_norm(x)
        return x + self.down(F.silu(self.gate(h)) * self.up(h))


class Decoder(nn.Module):
    """Token ids (rows, tokens) in, logits (rows, tokens, vocabulary) out."""

    def __init__(self) -> None:
        super().__init__()
        self.embed = nn.Embedding(VOCABULARY, WIDTH)
        self.blocks = nn.ModuleList(Block() for _ in range(LAYERS))
        self.norm = RMSNorm()
        if not TIED:
            self.head = nn.Linear(WIDTH, VOCABULARY, bias=False)

    def forward(self, ids: Tensor) -> Tensor:
        x = self.embed(ids)
        angles = torch.outer(
            torch.arange(ids.shape[1], dtype=x.dtype), THETA ** (-torch.arange(0, HEAD, 2, dtype=x.dtype) / HEAD)
        )
        angles = torch.cat([angles, angles], dim=-1)
        for block in self.blocks:
            x = block(x, angles.cos(), angles.sin())
        x = self.norm(x)
        return x @ self.embed.weight.T if TIED else self.head(x)


class PortNorm(linen.Module):
    @linen.compact
    def __call__(self, x: Array) -> Array:
        scale = self.param("scale", linen.initializers.ones, (WIDTH,))
        return scale * (x * jax.lax.rsqrt(jnp.mean(x**2, axis=-1, keepdims=True) + EPSILON))


def dense(features: int, name: str) -> linen.Dense:
    return linen.Dense(features, use_bias=False, name=name)


class PortBlock(linen.Module):
    @linen.compact
    def __call__(self, x: Array, cos: Array, sin: Array) -> Array:
        h = PortNorm(name="input_norm")(x)
        q = dense(HEADS * HEAD, "q")(h).reshape(*h.shape[:2], HEADS, HEAD)
        k, v = (dense(KV_HEADS * HEAD, name)(h).reshape(*h.shape[:2], KV_HEADS, HEAD) for name in ("k", "v"))
        q, k = (
            one * cos + jnp.concatenate([-one[..., HEAD // 2 :], one[..., : HEAD // 2]], -1) * sin for one in (q, k)
        )
        k, v = (jnp.repeat(one, HEADS // KV_HEADS, axis=2) for one in (k, v))
        scores = jnp.einsum("bqhd,bkhd->bhqk", q, k) / HEAD**0.5
        tokens = x.shape[1]
        scores = jnp.where(jnp.tril(jnp.ones((tokens, tokens), bool)), scores, -jnp.inf)
        mixed = jnp.einsum("bhqk,bkhd->bqhd", jax.nn.softmax(scores), v)
        x = x + dense(WIDTH, "o")(mixed.reshape(*h.shape[:2], -1))
        h = PortNorm(name="post_norm")(x)
        return x + dense(WIDTH, "down")(jax.nn.silu(dense(INNER, "gate")(h)) * dense(INNER, "up")(h))


class Port(linen.Module):
    @linen.compact
    def __call__(self, ids: Array) -> Array:
        embed = linen.Embed(VOCABULARY, WIDTH, name="embed")
        x = embed(ids)
        angles = jnp.outer(
            jnp.arange(ids.shape[1], dtype=x.dtype), THETA ** (-jnp.arange(0, HEAD, 2, dtype=x.dtype) / HEAD)
        )
        angles = jnp.concatenate([angles, angles], axis=-1)[:, None, :]
        for i in range(LAYERS):
            x = PortBlock(name=f"blocks_{i}")(x, jnp.cos(angles), jnp.sin(angles))
        x = PortNorm(name="norm")(x)
        return embed.attend(x) if TIED else dense(VOCABULARY, "head")(x)


def batch(rng: np.random.Generator) -> np.ndarray:
    """Token ids (rows, tokens)."""
    return rng.integers(0, VOCABULARY, (ROWS, TOKENS)).astype(np.int32)


torch.manual_seed(0)
pair = Pair(Decoder(), Port(), batch, bounds={"ids": (0, VOCABULARY)}, smooth=True)
