"""Sound ports of attention: packed, separate, fused and grouped projections, masks of every kind, whole blocks.

What only looks like a difference: a mask of -1e9 or the dtype's minimum for -inf, the opposite polarity of a boolean
mask, kernels stored per head, a key's bias (its gradient is zero on paper), and norms, rotary tables and softmax that
both models raise to float32 in their own code.
"""

import math
from dataclasses import dataclass
from typing import Any

import flax.struct
import jax
import numpy as np
import torch
import torch.nn.functional as F
from flax import linen, nnx
from jax import Array
from jax import numpy as jnp
from torch import Tensor, nn

from tests.compare.zoo.row import Sound
from tests.compare.zoo.sequences import nnx_port, seeded

BATCH, STEPS, MEMORY_STEPS = 2, 5, 7
WIDTH, HEADS, HEAD, MEMORY = 12, 3, 4, 10
CONTEXT = 8
WIDE = 20  # a feed-forward layer's inner width
VOCABULARY = 13
Params = dict[str, Any]


def steps(rng: np.random.Generator) -> np.ndarray:
    return rng.standard_normal((BATCH, STEPS, WIDTH)).astype(np.float32)


def padded(rng: np.random.Generator) -> dict[str, np.ndarray]:
    """Keyword inputs: ``padding`` is True where a step is to be ignored, never for a whole row."""
    lengths = rng.integers(1, STEPS + 1, BATCH)
    return {"x": steps(rng), "padding": np.arange(STEPS) >= lengths[:, None]}


def split(x: Any, heads: int) -> Any:
    """(batch, steps, heads * head) to (batch, steps, heads, head), in either framework."""
    return x.reshape(*x.shape[:2], heads, -1)


# nn.MultiheadAttention: q, k and v packed in one matrix, against one kernel per head.


class SelfAttention(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.norm = nn.LayerNorm(WIDTH)
        self.attn = nn.MultiheadAttention(WIDTH, HEADS, batch_first=True)

    def forward(self, x: Tensor) -> Tensor:
        h = self.norm(x)
        return x + self.attn(h, h, h, need_weights=False)[0]


class LinenSelfAttention(linen.Module):
    @linen.compact
    def __call__(self, x: Array) -> Array:
        return x + linen.MultiHeadDotProductAttention(HEADS)(linen.LayerNorm(epsilon=1e-5)(x))


class NNXSelfAttention(nnx.Module):
    def __init__(self, rngs: nnx.Rngs) -> None:
        self.norm = nnx.LayerNorm(WIDTH, epsilon=1e-5, rngs=rngs)
        self.attn = nnx.MultiHeadAttention(HEADS, WIDTH, decode=False, rngs=rngs)

    def __call__(self, x: Array) -> Array:
        return x + self.attn(self.norm(x))


class CrossAttention(nn.Module):
    """A memory of another width: torch then keeps three matrices, and still one packed bias."""

    def __init__(self) -> None:
        super().__init__()
        self.cross = nn.MultiheadAttention(WIDTH, HEADS, kdim=MEMORY, vdim=MEMORY, batch_first=True)

    def forward(self, x: Tensor, memory: Tensor) -> Tensor:
        return self.cross(x, memory, memory, need_weights=False)[0]


class LinenCrossAttention(linen.Module):
    @linen.compact
    def __call__(self, x: Array, memory: Array) -> Array:
        return linen.MultiHeadDotProductAttention(HEADS, name="cross")(x, memory)


def with_memory(rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    return steps(rng), rng.standard_normal((BATCH, MEMORY_STEPS, MEMORY)).astype(np.float32)


class PaddedAttention(nn.Module):
    """Here True in a mask means: ignore. It returns the weights too, averaged over the heads."""

    def __init__(self) -> None:
        super().__init__()
        self.attention = nn.MultiheadAttention(WIDTH, HEADS, batch_first=True)

    def forward(self, x: Tensor, padding: Tensor) -> tuple[Tensor, Tensor]:
        return self.attention(x, x, x, key_padding_mask=padding)


class LinenPaddedAttention(linen.Module):
    """Here True means: keep. The weights are sown by the layer, so the head's mean is taken by hand."""

    @linen.compact
    def __call__(self, x: Array, padding: Array) -> tuple[Array, Array]:
        q, k, v = (linen.DenseGeneral((HEADS, HEAD), name=name)(x) for name in ("query", "key", "value"))
        weights = linen.dot_product_attention_weights(q, k, mask=~padding[:, None, None, :])
        x = jnp.einsum("bhqk,bkhd->bqhd", weights, v)
        return linen.DenseGeneral(WIDTH, axis=(-2, -1), name="out")(x), weights.mean(axis=1)


# Projections of their own, fused or separate, and what becomes of them.


class SeparateAttention(nn.Module):
    """Two heads of width 4 on 12 features: q and the output differ in shape. ``scale`` saturates the softmax."""

    def __init__(self, scale: float = 1.0) -> None:
        super().__init__()
        self.scale = scale
        self.q_proj = nn.Linear(WIDTH, 2 * HEAD)
        self.k_proj = nn.Linear(WIDTH, 2 * HEAD)
        self.v_proj = nn.Linear(WIDTH, 2 * HEAD)
        self.out_proj = nn.Linear(2 * HEAD, WIDTH)

    def forward(self, x: Tensor) -> Tensor:
        q, k, v = (split(p(x), 2).transpose(1, 2) for p in (self.q_proj, self.k_proj, self.v_proj))
        scores = self.scale * q @ k.transpose(-2, -1) / math.sqrt(HEAD)
        x = (scores.softmax(dim=-1) @ v).transpose(1, 2)
        return self.out_proj(x.flatten(2))


class LinenPerHead(linen.Module):
    scale: float = 1.0

    @linen.compact
    def __call__(self, x: Array) -> Array:
        q = linen.DenseGeneral((2, HEAD), name="query")(x)
        k = linen.DenseGeneral((2, HEAD), name="key")(x)
        v = linen.DenseGeneral((2, HEAD), name="value")(x)
        scores = self.scale * jnp.einsum("bqhd,bkhd->bhqk", q, k) / jnp.sqrt(HEAD)
        x = jnp.einsum("bhqk,bkhd->bqhd", linen.softmax(scores), v)
        return linen.DenseGeneral(WIDTH, axis=(-2, -1), name="out")(x)


def per_head(params: Params, x: Array) -> Array:
    q, k, v = (jnp.einsum("bte,ehd->bthd", x, params[f"w{n}"]) + params[f"b{n}"] for n in "qkv")
    weights = jax.nn.softmax(jnp.einsum("bqhd,bkhd->bhqk", q, k) / HEAD**0.5)
    return jnp.einsum("bhqk,bkhd,hde->bqe", weights, v, params["wo"]) + params["bo"]


def per_head_params() -> Params:
    kernels: Params = {f"w{n}": jnp.zeros((WIDTH, 2, HEAD)) for n in "qkv"}
    biases: Params = {f"b{n}": jnp.zeros((2, HEAD)) for n in "qkv"}
    return kernels | biases | {"wo": jnp.zeros((2, HEAD, WIDTH)), "bo": jnp.zeros(WIDTH)}


class FusedAttention(nn.Module):
    """One Linear for q, k and v. A causal mask of -inf, added. ``per_head`` lays q, k and v out head by head."""

    def __init__(self, per_head: bool = False) -> None:
        super().__init__()
        self.per_head = per_head
        self.norm = nn.LayerNorm(WIDTH)
        self.qkv = nn.Linear(WIDTH, 3 * WIDTH)
        self.proj = nn.Linear(WIDTH, WIDTH)

    def forward(self, x: Tensor) -> Tensor:
        packed = self.qkv(self.norm(x))
        if self.per_head:
            parts = split(packed, HEADS).chunk(3, dim=-1)
        else:
            parts = tuple(split(part, HEADS) for part in packed.chunk(3, dim=-1))
        q, k, v = (part.transpose(1, 2) for part in parts)
        mask = torch.full((x.shape[1], x.shape[1]), float("-inf"), dtype=x.dtype, device=x.device).triu(1)
        weights = (q @ k.transpose(-2, -1) / math.sqrt(HEAD) + mask).softmax(dim=-1)
        return x + self.proj((weights @ v).transpose(1, 2).flatten(2))


class LinenFused(linen.Module):
    """The same fused layout; the mask is a large negative number in place of -inf."""

    per_head: bool = False

    @linen.compact
    def __call__(self, x: Array) -> Array:
        h = linen.LayerNorm(epsilon=1e-5)(x)
        if self.per_head:
            q, k, v = jnp.split(linen.DenseGeneral((HEADS, 3 * HEAD), name="qkv")(h), 3, axis=-1)
        else:
            packed = jnp.split(linen.Dense(3 * WIDTH, name="qkv")(h), 3, axis=-1)
            q, k, v = (split(part, HEADS) for part in packed)
        causal = jnp.tril(jnp.ones((x.shape[1], x.shape[1]), bool))
        scores = jnp.einsum("bqhd,bkhd->bhqk", q, k) / jnp.sqrt(HEAD)
        weights = linen.softmax(jnp.where(causal, scores, -1e9))
        h = jnp.einsum("bhqk,bkhd->bqhd", weights, v).reshape(x.shape)
        return x + linen.Dense(WIDTH, name="proj")(h)


class LinenThreeDense(linen.Module):
    """Three layers for the fused one; ``make_causal_mask`` and the dtype's minimum for -inf."""

    @linen.compact
    def __call__(self, x: Array) -> Array:
        h = linen.LayerNorm(epsilon=1e-5, name="norm")(x)
        q, k, v = (split(linen.Dense(WIDTH, name=name)(h), HEADS) for name in ("query", "key", "value"))
        mask = linen.make_causal_mask(x[..., 0])
        h = linen.dot_product_attention(q, k, v, mask=mask).reshape(x.shape)
        return x + linen.Dense(WIDTH, name="out")(h)


class FlashAttention(nn.Module):
    """``scaled_dot_product_attention``, with fewer heads for k and v than for q."""

    def __init__(self) -> None:
        super().__init__()
        self.wq = nn.Linear(WIDTH, 4 * HEAD, bias=False)
        self.wk = nn.Linear(WIDTH, 2 * HEAD, bias=False)
        self.wv = nn.Linear(WIDTH, 2 * HEAD, bias=False)
        self.wo = nn.Linear(4 * HEAD, WIDTH, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        q = split(self.wq(x), 4).transpose(1, 2)
        k, v = (split(w(x), 2).transpose(1, 2).repeat_interleave(2, dim=1) for w in (self.wk, self.wv))
        out = F.scaled_dot_product_attention(q, k, v, is_causal=True)
        return self.wo(out.transpose(1, 2).flatten(2))


class NNXFlashAttention(nnx.Module):
    """``jax.nn.dot_product_attention``, which groups the heads itself, and whose softmax is in float32."""

    def __init__(self, rngs: nnx.Rngs) -> None:
        self.wq = nnx.Linear(WIDTH, 4 * HEAD, use_bias=False, rngs=rngs)
        self.wk = nnx.Linear(WIDTH, 2 * HEAD, use_bias=False, rngs=rngs)
        self.wv = nnx.Linear(WIDTH, 2 * HEAD, use_bias=False, rngs=rngs)
        self.wo = nnx.Linear(4 * HEAD, WIDTH, use_bias=False, rngs=rngs)

    def __call__(self, x: Array) -> Array:
        q, k, v = split(self.wq(x), 4), split(self.wk(x), 2), split(self.wv(x), 2)
        out = jax.nn.dot_product_attention(q, k, v, is_causal=True)
        return self.wo(out.reshape(*x.shape[:2], -1))


# Whole blocks.


def encoder_layer(norm_first: bool, activation: str) -> nn.TransformerEncoderLayer:
    return nn.TransformerEncoderLayer(
        WIDTH, HEADS, WIDE, dropout=0.0, activation=activation, batch_first=True, norm_first=norm_first
    )


class LinenEncoderBlock(linen.Module):
    norm_first: bool

    @linen.compact
    def __call__(self, x: Array) -> Array:
        attend = linen.MultiHeadDotProductAttention(HEADS)
        norm_1, norm_2 = linen.LayerNorm(epsilon=1e-5), linen.LayerNorm(epsilon=1e-5)
        if self.norm_first:
            x = x + attend(norm_1(x))
            return x + self.mlp(norm_2(x))
        x = norm_1(x + attend(x))
        return norm_2(x + self.mlp(x))

    def mlp(self, x: Array) -> Array:
        h = linen.Dense(WIDE)(x)
        h = linen.gelu(h, approximate=False) if self.norm_first else linen.relu(h)
        return linen.Dense(WIDTH)(h)


class Encoder(nn.Module):
    """torch copies one layer, so that both start with the same weights."""

    def __init__(self) -> None:
        super().__init__()
        self.encoder = nn.TransformerEncoder(encoder_layer(True, "gelu"), 2, enable_nested_tensor=False)

    def forward(self, x: Tensor, padding: Tensor) -> Tensor:
        return self.encoder(x, src_key_padding_mask=padding)


class NNXEncoderBlock(nnx.Module):
    def __init__(self, rngs: nnx.Rngs) -> None:
        self.norm1 = nnx.LayerNorm(WIDTH, epsilon=1e-5, rngs=rngs)
        self.self_attn = nnx.MultiHeadAttention(HEADS, WIDTH, decode=False, rngs=rngs)
        self.norm2 = nnx.LayerNorm(WIDTH, epsilon=1e-5, rngs=rngs)
        self.mlp_in = nnx.Linear(WIDTH, WIDE, rngs=rngs)
        self.mlp_out = nnx.Linear(WIDE, WIDTH, rngs=rngs)

    def __call__(self, x: Array, keep: Array) -> Array:
        x = x + self.self_attn(self.norm1(x), mask=keep)
        return x + self.mlp_out(nnx.gelu(self.mlp_in(self.norm2(x)), approximate=False))


class NNXEncoder(nnx.Module):
    def __init__(self, rngs: nnx.Rngs) -> None:
        self.blocks = nnx.List([NNXEncoderBlock(rngs) for _ in range(2)])

    def __call__(self, x: Array, padding: Array) -> Array:
        for block in self.blocks:
            x = block(x, ~padding[:, None, None, :])
        return x


class GPTBlock(nn.Module):
    """Pre-norm, q, k and v in one Linear, the causal mask a buffer of the ``state_dict``, as in nanoGPT."""

    bias: Tensor

    def __init__(self) -> None:
        super().__init__()
        self.ln_1 = nn.LayerNorm(WIDTH)
        self.c_attn = nn.Linear(WIDTH, 3 * WIDTH)
        self.attn_proj = nn.Linear(WIDTH, WIDTH)
        self.ln_2 = nn.LayerNorm(WIDTH)
        self.c_fc = nn.Linear(WIDTH, WIDE)
        self.c_proj = nn.Linear(WIDE, WIDTH)
        self.register_buffer("bias", torch.tril(torch.ones(CONTEXT, CONTEXT)).view(1, 1, CONTEXT, CONTEXT))

    def forward(self, x: Tensor) -> Tensor:
        length = x.shape[1]
        q, k, v = (split(a, HEADS).transpose(1, 2) for a in self.c_attn(self.ln_1(x)).split(WIDTH, dim=2))
        scores = q @ k.transpose(-2, -1) / math.sqrt(HEAD)
        scores = scores.masked_fill(self.bias[:, :, :length, :length] == 0, float("-inf"))
        x = x + self.attn_proj((scores.softmax(dim=-1) @ v).transpose(1, 2).flatten(2))
        return x + self.c_proj(F.gelu(self.c_fc(self.ln_2(x)), approximate="tanh"))


class NNXGPTBlock(nnx.Module):
    def __init__(self, rngs: nnx.Rngs) -> None:
        self.ln_1 = nnx.LayerNorm(WIDTH, epsilon=1e-5, use_fast_variance=False, rngs=rngs)
        self.qkv = nnx.Linear(WIDTH, 3 * WIDTH, rngs=rngs)
        self.attn_out = nnx.Linear(WIDTH, WIDTH, rngs=rngs)
        self.ln_2 = nnx.LayerNorm(WIDTH, epsilon=1e-5, use_fast_variance=False, rngs=rngs)
        self.mlp_up = nnx.Linear(WIDTH, WIDE, rngs=rngs)
        self.mlp_down = nnx.Linear(WIDE, WIDTH, rngs=rngs)

    def __call__(self, x: Array) -> Array:
        q, k, v = (split(a, HEADS) for a in jnp.split(self.qkv(self.ln_1(x)), 3, axis=-1))
        bias = jnp.where(jnp.tril(jnp.ones((x.shape[1], x.shape[1]), bool)), 0.0, jnp.finfo(x.dtype).min)
        scores = jnp.einsum("bqhd,bkhd->bhqk", q, k) / jnp.sqrt(HEAD) + bias
        h = jnp.einsum("bhqk,bkhd->bqhd", nnx.softmax(scores), v).reshape(x.shape)
        x = x + self.attn_out(h)
        return x + self.mlp_down(nnx.gelu(self.mlp_up(self.ln_2(x))))


class DecoderLayer(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.layer = nn.TransformerDecoderLayer(WIDTH, HEADS, WIDE, dropout=0.0, batch_first=True)

    def forward(self, tgt: Tensor, memory: Tensor) -> Tensor:
        mask = nn.Transformer.generate_square_subsequent_mask(tgt.shape[1], device=tgt.device, dtype=tgt.dtype)
        return self.layer(tgt, memory, tgt_mask=mask, tgt_is_causal=True)


class LinenDecoderBlock(linen.Module):
    """Two attentions and three norms of the same shapes: only the order of use tells them apart."""

    @linen.compact
    def __call__(self, x: Array, memory: Array) -> Array:
        causal = linen.make_causal_mask(x[..., 0])
        x = linen.LayerNorm(epsilon=1e-5)(x + linen.MultiHeadDotProductAttention(HEADS)(x, mask=causal))
        x = linen.LayerNorm(epsilon=1e-5)(x + linen.MultiHeadDotProductAttention(HEADS)(x, memory))
        h = linen.Dense(WIDTH)(linen.relu(linen.Dense(WIDE)(x)))
        return linen.LayerNorm(epsilon=1e-5)(x + h)


def target_and_memory(rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    return steps(rng), rng.standard_normal((BATCH, MEMORY_STEPS, WIDTH)).astype(np.float32)


class FeedForward(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.norm = nn.LayerNorm(WIDTH)
        self.up = nn.Linear(WIDTH, WIDE)
        self.down = nn.Linear(WIDE, WIDTH)

    def forward(self, x: Tensor) -> Tensor:
        return x + self.down(torch.tanh(self.up(self.norm(x))))


class LinenFeedForward(linen.Module):
    """A layer as ``nn.scan`` wants it: (carry, nothing) in and out."""

    @linen.compact
    def __call__(self, x: Array, _: None) -> tuple[Array, None]:
        h = jnp.tanh(linen.Dense(WIDE, name="up")(linen.LayerNorm(epsilon=1e-5, name="norm")(x)))
        return x + linen.Dense(WIDTH, name="down")(h), None


class LinenScannedLayers(linen.Module):
    """One leaf holds the weights of all layers, stacked on its first axis."""

    layers: int

    @linen.compact
    def __call__(self, x: Array) -> Array:
        stack = linen.scan(
            LinenFeedForward, variable_axes={"params": 0}, split_rngs={"params": True}, length=self.layers
        )
        x, _ = stack(name="layers")(x, None)
        return x


class DropoutBlock(nn.Module):
    """Dropout in two places, off in evaluation."""

    def __init__(self) -> None:
        super().__init__()
        self.ln = nn.LayerNorm(WIDTH)
        self.fc1 = nn.Linear(WIDTH, WIDE)
        self.fc2 = nn.Linear(WIDE, WIDTH)
        self.drop = nn.Dropout(0.1)

    def forward(self, x: Tensor) -> Tensor:
        h = self.drop(F.gelu(self.fc1(self.ln(x))))
        return x + self.drop(self.fc2(h))


class LinenDropoutBlock(linen.Module):
    @linen.compact
    def __call__(self, x: Array, deterministic: bool = True) -> Array:
        h = linen.gelu(linen.Dense(WIDE)(linen.LayerNorm(epsilon=1e-5)(x)), approximate=False)
        h = linen.Dropout(0.1)(h, deterministic=deterministic)
        return x + linen.Dropout(0.1)(linen.Dense(WIDTH)(h), deterministic=deterministic)


class NNXDropoutBlock(nnx.Module):
    def __init__(self, rngs: nnx.Rngs) -> None:
        self.ln = nnx.LayerNorm(WIDTH, epsilon=1e-5, rngs=rngs)
        self.fc1 = nnx.Linear(WIDTH, WIDE, rngs=rngs)
        self.fc2 = nnx.Linear(WIDE, WIDTH, rngs=rngs)
        self.drop = nnx.Dropout(0.1, rngs=rngs)

    def __call__(self, x: Array) -> Array:
        h = self.drop(nnx.gelu(self.fc1(self.ln(x)), approximate=False))
        return x + self.drop(self.fc2(h))


def evaluating_nnx_dropout() -> nnx.Module:
    model = NNXDropoutBlock(nnx.Rngs(0))
    model.eval()
    return model


class GatedUnit(nn.Module):
    """Neither name says which is the gate, and the port calls them the other way round: only a rule can tell."""

    def __init__(self) -> None:
        super().__init__()
        self.a = nn.Linear(WIDTH, WIDE)
        self.b = nn.Linear(WIDTH, WIDE)

    def forward(self, x: Tensor) -> Tensor:
        return self.a(x) * F.silu(self.b(x))


class LinenGatedUnit(linen.Module):
    @linen.compact
    def __call__(self, x: Array) -> Array:
        gate = linen.silu(linen.Dense(WIDE)(x))
        return gate * linen.Dense(WIDE)(x)


# A Llama decoder layer between an embedding and a head: both models raise norms, rotary tables and softmax to float32.

KV_HEADS, QUERY_HEADS, HEAD_DIM, MODEL = 2, 4, 6, 16
EPSILON, THETA = 1e-6, 10000.0


@dataclass
class Decoded:
    logits: Tensor
    hidden: Tensor


@flax.struct.dataclass
class JaxDecoded:
    logits: Array
    hidden: Array


class RMSNorm(nn.Module):
    def __init__(self, width: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.ones(width))

    def forward(self, x: Tensor) -> Tensor:
        wide = x.float()
        wide = wide * torch.rsqrt(wide.pow(2).mean(-1, keepdim=True) + EPSILON)
        return self.weight * wide.to(x.dtype)


def rotate(x: Tensor) -> Tensor:
    """Rotary position embedding, half-rotated, of (batch, heads, steps, head_dim)."""
    frequencies = 1.0 / THETA ** (torch.arange(0, HEAD_DIM, 2, device=x.device).float() / HEAD_DIM)
    angles = torch.outer(torch.arange(x.shape[2], device=x.device).float(), frequencies)
    cos, sin = (torch.cat([f, f], dim=-1).to(x.dtype) for f in (angles.cos(), angles.sin()))
    first, second = x.chunk(2, dim=-1)
    return x * cos + torch.cat([-second, first], dim=-1) * sin


class RotaryAttention(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.q_proj = nn.Linear(MODEL, QUERY_HEADS * HEAD_DIM, bias=False)
        self.k_proj = nn.Linear(MODEL, KV_HEADS * HEAD_DIM, bias=False)
        self.v_proj = nn.Linear(MODEL, KV_HEADS * HEAD_DIM, bias=False)
        self.o_proj = nn.Linear(QUERY_HEADS * HEAD_DIM, MODEL, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        q = rotate(split(self.q_proj(x), QUERY_HEADS).transpose(1, 2))
        k = rotate(split(self.k_proj(x), KV_HEADS).transpose(1, 2))
        v = split(self.v_proj(x), KV_HEADS).transpose(1, 2)
        k, v = (a.repeat_interleave(QUERY_HEADS // KV_HEADS, dim=1) for a in (k, v))
        hidden = torch.ones(x.shape[1], x.shape[1], dtype=torch.bool, device=x.device).triu(1)
        scores = (q @ k.transpose(2, 3) / math.sqrt(HEAD_DIM)).masked_fill(hidden, float("-inf"))
        weights = scores.float().softmax(dim=-1).to(q.dtype)
        return self.o_proj((weights @ v).transpose(1, 2).flatten(2))


class SwiGLU(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.gate_proj = nn.Linear(MODEL, WIDE, bias=False)
        self.up_proj = nn.Linear(MODEL, WIDE, bias=False)
        self.down_proj = nn.Linear(WIDE, MODEL, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        return self.down_proj(F.silu(self.gate_proj(x)) * self.up_proj(x))


class Llama(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.embed_tokens = nn.Embedding(VOCABULARY, MODEL)
        self.input_layernorm = RMSNorm(MODEL)
        self.self_attn = RotaryAttention()
        self.post_attention_layernorm = RMSNorm(MODEL)
        self.mlp = SwiGLU()
        self.norm = RMSNorm(MODEL)
        self.lm_head = nn.Linear(MODEL, VOCABULARY, bias=False)

    def forward(self, ids: Tensor) -> Decoded:
        x = self.embed_tokens(ids)
        x = x + self.self_attn(self.input_layernorm(x))
        x = x + self.mlp(self.post_attention_layernorm(x))
        return Decoded(self.lm_head(self.norm(x)), x)


def jax_rms(x: Array, scale: Any) -> Array:
    wide = x.astype(jnp.float32)
    wide = wide * jax.lax.rsqrt(jnp.mean(wide**2, axis=-1, keepdims=True) + EPSILON)
    return wide.astype(x.dtype) * scale


def jax_rotate(x: Array) -> Array:
    """The same of (batch, steps, heads, head_dim)."""
    frequencies = 1.0 / THETA ** (jnp.arange(0, HEAD_DIM, 2).astype(jnp.float32) / HEAD_DIM)
    angles = jnp.outer(jnp.arange(x.shape[1]).astype(jnp.float32), frequencies)[:, None, :]
    cos, sin = jnp.cos(angles).astype(x.dtype), jnp.sin(angles).astype(x.dtype)
    first, second = jnp.split(x, 2, axis=-1)
    return jnp.concatenate([first * cos - second * sin, second * cos + first * sin], axis=-1)


def grouped_attention(q: Array, k: Array, v: Array) -> Array:
    """Causal; q (batch, steps, heads, head_dim) attends in groups to fewer heads of k and v."""
    batch, length = q.shape[:2]
    q = jax_rotate(q).reshape(batch, length, KV_HEADS, -1, HEAD_DIM)
    scores = jnp.einsum("bqhgd,bkhd->bhgqk", q, jax_rotate(k)) * HEAD_DIM**-0.5
    causal = jnp.tril(jnp.ones((length, length), bool))
    scores = jnp.where(causal, scores, jnp.finfo(scores.dtype).min)
    weights = jax.nn.softmax(scores.astype(jnp.float32), axis=-1).astype(v.dtype)
    return jnp.einsum("bhgqk,bkhd->bqhgd", weights, v).reshape(batch, length, -1)


class LinenRMSNorm(linen.Module):
    @linen.compact
    def __call__(self, x: Array) -> Array:
        return jax_rms(x, self.param("scale", linen.initializers.ones, (x.shape[-1],)))


class LinenLlama(linen.Module):
    @linen.compact
    def __call__(self, ids: Array) -> JaxDecoded:
        x = linen.Embed(VOCABULARY, MODEL, name="embed")(ids)
        h = LinenRMSNorm(name="attention_norm")(x)
        q = linen.DenseGeneral((QUERY_HEADS, HEAD_DIM), use_bias=False, name="wq")(h)
        k = linen.DenseGeneral((KV_HEADS, HEAD_DIM), use_bias=False, name="wk")(h)
        v = linen.DenseGeneral((KV_HEADS, HEAD_DIM), use_bias=False, name="wv")(h)
        x = x + linen.Dense(MODEL, use_bias=False, name="wo")(grouped_attention(q, k, v))
        h = LinenRMSNorm(name="ffn_norm")(x)
        gate = linen.Dense(WIDE, use_bias=False, name="gate")(h)
        up = linen.Dense(WIDE, use_bias=False, name="up")(h)
        x = x + linen.Dense(MODEL, use_bias=False, name="down")(linen.silu(gate) * up)
        logits = linen.Dense(VOCABULARY, use_bias=False, name="lm_head")(LinenRMSNorm(name="norm")(x))
        return JaxDecoded(logits=logits, hidden=x)


class NNXRMSNorm(nnx.Module):
    def __init__(self, width: int) -> None:
        self.scale = nnx.Param(jnp.ones(width))

    def __call__(self, x: Array) -> Array:
        return jax_rms(x, self.scale[...])


class NNXLlama(nnx.Module):
    def __init__(self, rngs: nnx.Rngs) -> None:
        def linear(inputs: int, outputs: int) -> nnx.Linear:
            return nnx.Linear(inputs, outputs, use_bias=False, rngs=rngs)

        self.embed_tokens = nnx.Embed(VOCABULARY, MODEL, rngs=rngs)
        self.input_layernorm = NNXRMSNorm(MODEL)
        self.q_proj = linear(MODEL, QUERY_HEADS * HEAD_DIM)
        self.k_proj = linear(MODEL, KV_HEADS * HEAD_DIM)
        self.v_proj = linear(MODEL, KV_HEADS * HEAD_DIM)
        self.o_proj = linear(QUERY_HEADS * HEAD_DIM, MODEL)
        self.post_attention_layernorm = NNXRMSNorm(MODEL)
        self.gate_proj, self.up_proj = linear(MODEL, WIDE), linear(MODEL, WIDE)
        self.down_proj = linear(WIDE, MODEL)
        self.norm = NNXRMSNorm(MODEL)
        self.lm_head = linear(MODEL, VOCABULARY)

    def __call__(self, ids: Array) -> JaxDecoded:
        x = self.embed_tokens(ids)
        h = self.input_layernorm(x)
        q, k, v = split(self.q_proj(h), QUERY_HEADS), split(self.k_proj(h), KV_HEADS), split(self.v_proj(h), KV_HEADS)
        x = x + self.o_proj(grouped_attention(q, k, v))
        h = self.post_attention_layernorm(x)
        x = x + self.down_proj(nnx.silu(self.gate_proj(h)) * self.up_proj(h))
        return JaxDecoded(logits=self.lm_head(self.norm(x)), hidden=x)


def llama(params: Params, ids: Array) -> dict[str, Array]:
    """The same with nothing but arrays: matrices (in, out) in nested dictionaries."""
    attention, mlp = params["attention"], params["mlp"]
    x = params["embed"][ids]
    h = jax_rms(x, params["attention_norm"])
    q, k, v = (split(h @ attention[n], QUERY_HEADS if n == "q" else KV_HEADS) for n in "qkv")
    x = x + grouped_attention(q, k, v) @ attention["o"]
    h = jax_rms(x, params["mlp_norm"])
    x = x + (jax.nn.silu(h @ mlp["gate"]) * (h @ mlp["up"])) @ mlp["down"]
    return {"logits": jax_rms(x, params["final_norm"]) @ params["head"], "hidden": x}


def llama_params() -> Params:
    query, kv = QUERY_HEADS * HEAD_DIM, KV_HEADS * HEAD_DIM
    shapes: Params = {
        "embed": (VOCABULARY, MODEL),
        "attention": {"q": (MODEL, query), "k": (MODEL, kv), "v": (MODEL, kv), "o": (query, MODEL)},
        "mlp": {"gate": (MODEL, WIDE), "up": (MODEL, WIDE), "down": (WIDE, MODEL)},
        "head": (MODEL, VOCABULARY),
    }
    norms = dict.fromkeys(("attention_norm", "mlp_norm", "final_norm"), (MODEL,))
    return jax.tree.map(jnp.zeros, shapes | norms, is_leaf=lambda shape: isinstance(shape, tuple))


class DictLlama(Llama):
    def forward(self, ids: Tensor) -> Any:
        return vars(super().forward(ids))


def ids(rng: np.random.Generator) -> dict[str, np.ndarray]:
    return {"ids": rng.integers(0, VOCABULARY, (BATCH, STEPS)).astype(np.int32)}


# A vision transformer: patches by a convolution, a class token and a position embedding that are bare parameters.

PATCH, CLASSES = 4, 6
PATCHES = (8 // PATCH) * (12 // PATCH)


class ViT(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.patch_embed = nn.Conv2d(3, WIDTH, PATCH, stride=PATCH)
        self.cls_token = nn.Parameter(0.02 * torch.randn(1, 1, WIDTH))
        self.pos_embed = nn.Parameter(0.02 * torch.randn(1, 1 + PATCHES, WIDTH))
        self.block = encoder_layer(norm_first=True, activation="gelu")
        self.head = nn.Linear(WIDTH, CLASSES)

    def forward(self, images: Tensor) -> Tensor:
        x = self.patch_embed(images).flatten(2).transpose(1, 2)
        x = torch.cat([self.cls_token.expand(x.shape[0], -1, -1), x], dim=1) + self.pos_embed
        return self.head(self.block(x)[:, 0])


class LinenViT(linen.Module):
    """Images (batch, 8, 12, 3), as Flax convolutions take them."""

    @linen.compact
    def __call__(self, images: Array) -> Array:
        x = linen.Conv(WIDTH, (PATCH, PATCH), strides=PATCH, padding="VALID", name="embedding")(images)
        x = x.reshape(x.shape[0], -1, WIDTH)
        cls = self.param("cls", linen.initializers.zeros, (1, 1, WIDTH))
        x = jnp.concatenate([jnp.tile(cls, (x.shape[0], 1, 1)), x], axis=1)
        x = x + self.param("pos_embedding", linen.initializers.normal(0.02), (1, 1 + PATCHES, WIDTH))
        x = LinenEncoderBlock(norm_first=True, name="encoder")(x)
        return linen.Dense(CLASSES, name="head")(x[:, 0])


class NNXViT(nnx.Module):
    """Images (batch, 3, 8, 12), transposed by the model."""

    def __init__(self, rngs: nnx.Rngs) -> None:
        self.patches = nnx.Conv(3, WIDTH, (PATCH, PATCH), strides=PATCH, padding="VALID", rngs=rngs)
        self.cls_token = nnx.Param(jnp.zeros((1, 1, WIDTH)))
        self.position = nnx.Param(0.02 * jax.random.normal(rngs.params(), (1, 1 + PATCHES, WIDTH)))
        self.block = NNXEncoderBlock(rngs)
        self.head = nnx.Linear(WIDTH, CLASSES, rngs=rngs)

    def __call__(self, images: Array) -> Array:
        x = self.patches(images.transpose(0, 2, 3, 1))
        x = x.reshape(x.shape[0], -1, WIDTH)
        cls = jnp.broadcast_to(self.cls_token[...], (x.shape[0], 1, WIDTH))
        x = jnp.concatenate([cls, x], axis=1) + self.position
        keep = jnp.ones((1, 1, 1, 1 + PATCHES), bool)
        return self.head(self.block(x, keep)[:, 0])


def images(rng: np.random.Generator) -> np.ndarray:
    return rng.standard_normal((BATCH, 3, 8, 12)).astype(np.float32)


IDS = {"bounds": {"ids": (0, VOCABULARY)}}

ROWS: list[Sound] = [
    Sound("mha_packed_linen", seeded(SelfAttention), LinenSelfAttention, steps),
    Sound("mha_packed_nnx", seeded(SelfAttention), nnx_port(NNXSelfAttention), steps),
    Sound("mha_cross_other_width_linen", seeded(CrossAttention), LinenCrossAttention, with_memory),
    Sound("mha_padding_opposite_polarity_linen", seeded(PaddedAttention), LinenPaddedAttention, padded),
    Sound("key_bias_per_head_linen", seeded(SeparateAttention), LinenPerHead, steps),
    Sound("key_bias_per_head_function", seeded(SeparateAttention), lambda: (per_head, per_head_params()), steps),
    Sound("large_logits_linen", seeded(lambda: SeparateAttention(30.0)), lambda: LinenPerHead(30.0), steps),
    Sound("fused_qkv_causal_1e9_linen", seeded(FusedAttention), LinenFused, steps),
    Sound("fused_qkv_by_head_linen", seeded(lambda: FusedAttention(True)), lambda: LinenFused(True), steps),
    Sound("fused_qkv_three_dense_linen", seeded(FusedAttention), LinenThreeDense, steps),
    Sound("sdpa_causal_grouped_nnx", seeded(FlashAttention), nnx_port(NNXFlashAttention), steps),
    Sound("encoder_norm_last", seeded(lambda: encoder_layer(False, "relu")), lambda: LinenEncoderBlock(False), steps),
    Sound("encoder_norm_first", seeded(lambda: encoder_layer(True, "gelu")), lambda: LinenEncoderBlock(True), steps),
    Sound("encoder_two_layers_padding_nnx", seeded(Encoder), nnx_port(NNXEncoder), padded),
    Sound("gpt_block_mask_buffer_nnx", seeded(GPTBlock), nnx_port(NNXGPTBlock), steps),
    Sound("decoder_layer_memory_linen", seeded(DecoderLayer), LinenDecoderBlock, target_and_memory),
    Sound(
        "scanned_layers_linen",
        seeded(lambda: nn.Sequential(*(FeedForward() for _ in range(3)))),
        lambda: LinenScannedLayers(3),
        steps,
    ),
    Sound("dropout_deterministic_linen", lambda: seeded(DropoutBlock)().eval(), LinenDropoutBlock, steps),
    Sound("dropout_eval_nnx", lambda: seeded(DropoutBlock)().eval(), evaluating_nnx_dropout, steps),
    Sound(
        "gated_unit_rules_linen",
        seeded(GatedUnit),
        LinenGatedUnit,
        steps,
        {"rules": {"a": "Dense_1", "b": "Dense_0"}},
    ),
    Sound("llama_float32_islands_linen", seeded(Llama), LinenLlama, ids, IDS),
    Sound("llama_float32_islands_nnx", seeded(Llama), nnx_port(NNXLlama), ids, IDS),
    Sound("llama_float32_islands_function", seeded(DictLlama), lambda: (llama, llama_params()), ids, IDS),
    Sound("vit_linen", seeded(ViT), LinenViT, images),
    Sound("vit_nnx", seeded(ViT), nnx_port(NNXViT), images),
]
