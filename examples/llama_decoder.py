"""A small Llama-style decoder, written twice: RMSNorm, rotary positions, grouped-query attention, SwiGLU.

Both models raise norms, rotary tables and the softmax to float32 in their own code, as published ones do, so that they
keep their precision in bfloat16. A plain run in float64 still computes those parts in float32: the verdict raises them.

    jaxport verify examples/llama_decoder.py
"""

import math

import jax
import numpy as np
import torch
import torch.nn.functional as F
from flax import nnx
from jax import Array
from jax import numpy as jnp
from torch import Tensor, nn

from compare.pair.pair import Pair

VOCABULARY, WIDTH, INNER, LAYERS = 48, 32, 56, 2
HEADS, KV_HEADS, HEAD_DIM = 4, 2, 10
EPSILON, THETA = 1e-6, 10000.0


# The reference, in PyTorch.


class RMSNorm(nn.Module):
    def __init__(self, width: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.ones(width))

    def forward(self, x: Tensor) -> Tensor:
        wide = x.float()
        wide = wide * torch.rsqrt(wide.pow(2).mean(dim=-1, keepdim=True) + EPSILON)
        return self.weight * wide.to(x.dtype)


def rotary(steps: int, like: Tensor) -> tuple[Tensor, Tensor]:
    """Cosines and sines (steps, head_dim)."""
    exponents = torch.arange(0, HEAD_DIM, 2, device=like.device).float() / HEAD_DIM
    angles = torch.outer(torch.arange(steps, device=like.device).float(), 1.0 / THETA**exponents)
    angles = torch.cat([angles, angles], dim=-1)
    return angles.cos().to(like.dtype), angles.sin().to(like.dtype)


def rotate(x: Tensor, cos: Tensor, sin: Tensor) -> Tensor:
    first, second = x.chunk(2, dim=-1)
    return x * cos + torch.cat([-second, first], dim=-1) * sin


class Attention(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.q_proj = nn.Linear(WIDTH, HEADS * HEAD_DIM, bias=False)
        self.k_proj = nn.Linear(WIDTH, KV_HEADS * HEAD_DIM, bias=False)
        self.v_proj = nn.Linear(WIDTH, KV_HEADS * HEAD_DIM, bias=False)
        self.o_proj = nn.Linear(HEADS * HEAD_DIM, WIDTH, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        batch, steps, _ = x.shape
        q = self.q_proj(x).view(batch, steps, HEADS, HEAD_DIM).transpose(1, 2)
        k = self.k_proj(x).view(batch, steps, KV_HEADS, HEAD_DIM).transpose(1, 2)
        v = self.v_proj(x).view(batch, steps, KV_HEADS, HEAD_DIM).transpose(1, 2)
        cos, sin = rotary(steps, x)
        q, k = rotate(q, cos, sin), rotate(k, cos, sin)
        k, v = (a.repeat_interleave(HEADS // KV_HEADS, dim=1) for a in (k, v))
        mask = torch.full((steps, steps), float("-inf"), dtype=x.dtype, device=x.device).triu(1)
        scores = q @ k.transpose(2, 3) / math.sqrt(HEAD_DIM) + mask
        weights = F.softmax(scores.float(), dim=-1).to(q.dtype)
        return self.o_proj((weights @ v).transpose(1, 2).reshape(batch, steps, -1))


class MLP(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.gate_proj = nn.Linear(WIDTH, INNER, bias=False)
        self.up_proj = nn.Linear(WIDTH, INNER, bias=False)
        self.down_proj = nn.Linear(INNER, WIDTH, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        return self.down_proj(F.silu(self.gate_proj(x)) * self.up_proj(x))


class DecoderLayer(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.input_layernorm = RMSNorm(WIDTH)
        self.self_attn = Attention()
        self.post_attention_layernorm = RMSNorm(WIDTH)
        self.mlp = MLP()

    def forward(self, x: Tensor) -> Tensor:
        x = x + self.self_attn(self.input_layernorm(x))
        return x + self.mlp(self.post_attention_layernorm(x))


class Decoder(nn.Module):
    """Token ids (batch, steps) in, logits (batch, steps, vocabulary) out."""

    def __init__(self) -> None:
        super().__init__()
        self.embed_tokens = nn.Embedding(VOCABULARY, WIDTH)
        self.layers = nn.ModuleList(DecoderLayer() for _ in range(LAYERS))
        self.norm = RMSNorm(WIDTH)
        self.lm_head = nn.Linear(WIDTH, VOCABULARY, bias=False)

    def forward(self, ids: Tensor) -> Tensor:
        x = self.embed_tokens(ids)
        for layer in self.layers:
            x = layer(x)
        return self.lm_head(self.norm(x))


# The port, in Flax NNX. Heads stay behind the steps: (batch, steps, heads, head_dim).


def linear(inputs: int, outputs: int, rngs: nnx.Rngs) -> nnx.Linear:
    return nnx.Linear(inputs, outputs, use_bias=False, rngs=rngs)


class NNXRMSNorm(nnx.Module):
    def __init__(self, width: int) -> None:
        self.scale = nnx.Param(jnp.ones(width))

    def __call__(self, x: Array) -> Array:
        wide = x.astype(jnp.float32)
        wide = wide * jax.lax.rsqrt(jnp.mean(wide**2, axis=-1, keepdims=True) + EPSILON)
        return wide.astype(x.dtype) * self.scale


def nnx_rotate(x: Array) -> Array:
    exponents = jnp.arange(0, HEAD_DIM, 2).astype(jnp.float32) / HEAD_DIM
    angles = jnp.outer(jnp.arange(x.shape[1]).astype(jnp.float32), 1.0 / THETA**exponents)[:, None, :]
    cos, sin = jnp.cos(angles).astype(x.dtype), jnp.sin(angles).astype(x.dtype)
    first, second = jnp.split(x, 2, axis=-1)
    return jnp.concatenate([first * cos - second * sin, second * cos + first * sin], axis=-1)


class NNXAttention(nnx.Module):
    def __init__(self, rngs: nnx.Rngs) -> None:
        self.wq = linear(WIDTH, HEADS * HEAD_DIM, rngs)
        self.wk = linear(WIDTH, KV_HEADS * HEAD_DIM, rngs)
        self.wv = linear(WIDTH, KV_HEADS * HEAD_DIM, rngs)
        self.wo = linear(HEADS * HEAD_DIM, WIDTH, rngs)

    def __call__(self, x: Array) -> Array:
        batch, steps, _ = x.shape
        q = nnx_rotate(self.wq(x).reshape(batch, steps, HEADS, HEAD_DIM))
        k = nnx_rotate(self.wk(x).reshape(batch, steps, KV_HEADS, HEAD_DIM))
        v = self.wv(x).reshape(batch, steps, KV_HEADS, HEAD_DIM)
        q = q.reshape(batch, steps, KV_HEADS, HEADS // KV_HEADS, HEAD_DIM)  # each group of q's heads to one of k's
        scores = jnp.einsum("bqhgd,bkhd->bhgqk", q, k) / jnp.sqrt(HEAD_DIM)
        causal = jnp.tril(jnp.ones((steps, steps), bool))
        scores = jnp.where(causal, scores, jnp.finfo(scores.dtype).min)
        weights = jax.nn.softmax(scores.astype(jnp.float32), axis=-1).astype(v.dtype)
        return self.wo(jnp.einsum("bhgqk,bkhd->bqhgd", weights, v).reshape(batch, steps, -1))


class NNXMLP(nnx.Module):
    def __init__(self, rngs: nnx.Rngs) -> None:
        self.gate = linear(WIDTH, INNER, rngs)
        self.up = linear(WIDTH, INNER, rngs)
        self.down = linear(INNER, WIDTH, rngs)

    def __call__(self, x: Array) -> Array:
        return self.down(nnx.silu(self.gate(x)) * self.up(x))


class NNXDecoderLayer(nnx.Module):
    def __init__(self, rngs: nnx.Rngs) -> None:
        self.attention_norm, self.mlp_norm = NNXRMSNorm(WIDTH), NNXRMSNorm(WIDTH)
        self.attention, self.mlp = NNXAttention(rngs), NNXMLP(rngs)

    def __call__(self, x: Array) -> Array:
        x = x + self.attention(self.attention_norm(x))
        return x + self.mlp(self.mlp_norm(x))


class NNXDecoder(nnx.Module):
    def __init__(self, rngs: nnx.Rngs) -> None:
        self.embed = nnx.Embed(VOCABULARY, WIDTH, rngs=rngs)
        self.layers = nnx.List(NNXDecoderLayer(rngs) for _ in range(LAYERS))
        self.final_norm = NNXRMSNorm(WIDTH)
        self.lm_head = linear(WIDTH, VOCABULARY, rngs)

    def __call__(self, ids: Array) -> Array:
        x = self.embed(ids)
        for layer in self.layers:
            x = layer(x)
        return self.lm_head(self.final_norm(x))


def batch(rng: np.random.Generator) -> np.ndarray:
    """Token ids (batch, steps)."""
    return rng.integers(0, VOCABULARY, (2, 9)).astype(np.int32)


torch.manual_seed(0)
pair = Pair(
    reference=Decoder(), port=NNXDecoder(nnx.Rngs(0)), batch=batch, bounds={"ids": (0, VOCABULARY)}, smooth=True
)
