"""Faults planted in attention: a Llama-like decoder in Linen and in NNX, and small parts of transformers.

No faults, measured: rotary positions shifted for queries and keys alike (only their distance enters), and attention
weights rounded to bfloat16 and back (the same function at a lower precision, which the precision flag tells). Refused
before anything runs, measured: a key's bias left out, though softmax does not see it, and another number of heads.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import jax
import numpy as np
import torch
import torch.nn.functional as F
from flax import linen, nnx
from jax import Array, lax
from jax import numpy as jnp
from torch import Tensor, nn

from compare.pair.pair import Pair
from tests.compare.planted import nnx_port, paired
from tests.compare.planted.row import Planted
from tests.compare.zoo import attention, normal
from tests.compare.zoo.attention import seeded, split

MODEL, HEADS, KV_HEADS, HEAD, WIDE, VOCABULARY, STEPS = 8, 4, 2, 4, 10, 9, 5
EPSILON, THETA = 1e-6, 10000.0


# The reference: everything at the precision of what comes in.


class RMSNorm(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.ones(MODEL))

    def forward(self, x: Tensor) -> Tensor:
        return x * torch.rsqrt(x.pow(2).mean(-1, keepdim=True) + EPSILON) * self.weight


def rotate(x: Tensor) -> Tensor:
    """Rotary position embedding, half-rotated, of (batch, heads, steps, head)."""
    rates = THETA ** (-torch.arange(0, HEAD, 2, dtype=x.dtype) / HEAD)
    angles = torch.outer(torch.arange(x.shape[2], dtype=x.dtype), rates)
    cos, sin = (torch.cat([f, f], dim=-1) for f in (angles.cos(), angles.sin()))
    first, second = x.chunk(2, dim=-1)
    return x * cos + torch.cat([-second, first], dim=-1) * sin


class Attention(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.q_proj = nn.Linear(MODEL, HEADS * HEAD, bias=False)
        self.k_proj = nn.Linear(MODEL, KV_HEADS * HEAD, bias=False)
        self.v_proj = nn.Linear(MODEL, KV_HEADS * HEAD, bias=False)
        self.o_proj = nn.Linear(HEADS * HEAD, MODEL, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        q = rotate(split(self.q_proj(x), HEADS).transpose(1, 2))
        k = rotate(split(self.k_proj(x), KV_HEADS).transpose(1, 2))
        v = split(self.v_proj(x), KV_HEADS).transpose(1, 2)
        k, v = (a.repeat_interleave(HEADS // KV_HEADS, dim=1) for a in (k, v))
        hidden = torch.ones(x.shape[1], x.shape[1], dtype=torch.bool).triu(1)
        scores = (q @ k.transpose(2, 3) * HEAD**-0.5).masked_fill(hidden, float("-inf"))
        return self.o_proj((scores.softmax(dim=-1) @ v).transpose(1, 2).flatten(2))


class SwiGLU(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.gate_proj = nn.Linear(MODEL, WIDE, bias=False)
        self.up_proj = nn.Linear(MODEL, WIDE, bias=False)
        self.down_proj = nn.Linear(WIDE, MODEL, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        return self.down_proj(F.silu(self.gate_proj(x)) * self.up_proj(x))


class Layer(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.input_layernorm = RMSNorm()
        self.self_attn = Attention()
        self.post_attention_layernorm = RMSNorm()
        self.mlp = SwiGLU()

    def forward(self, x: Tensor) -> Tensor:
        x = x + self.self_attn(self.input_layernorm(x))
        return x + self.mlp(self.post_attention_layernorm(x))


class Decoder(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.embed_tokens = nn.Embedding(VOCABULARY, MODEL)
        self.layers = nn.ModuleList([Layer()])
        self.norm = RMSNorm()
        self.lm_head = nn.Linear(MODEL, VOCABULARY, bias=False)

    def forward(self, ids: Tensor) -> Tensor:
        x = self.embed_tokens(ids) * MODEL**0.5
        for layer in self.layers:
            x = layer(x)
        return self.lm_head(self.norm(x))


# The port: what a porter chooses, and the functions that both Flax models call.


def causal(steps: int) -> Array:
    return jnp.tril(jnp.ones((steps, steps), bool))


def same(x: Array) -> Array:
    return x


@dataclass(frozen=True)
class Choices:
    """What can be got wrong; the defaults are right.

    ``held``: the rotary table is kept in float32. ``merge``: the order of axes in which heads are joined.
    """

    epsilon: float = EPSILON
    one_plus: bool = False
    theta: float = THETA
    interleaved: bool = False
    key_shift: int = 0
    held: bool = False
    query_scale: float = 1.0
    scale: float = HEAD**-0.5
    mask: Callable[[int], Array] = causal
    softmax_axis: int = -1
    weights: Callable[[Array], Array] = same
    repeat: Callable[[Array], Array] = lambda a: jnp.repeat(a, HEADS // KV_HEADS, axis=2)
    merge: tuple[int, ...] = (0, 1, 2, 3)
    act: Callable[[Array], Array] = jax.nn.silu
    gate_first: bool = True


RIGHT = Choices()


def rms(x: Array, scale: Array, choices: Choices) -> Array:
    x = x * lax.rsqrt(jnp.mean(x**2, axis=-1, keepdims=True) + choices.epsilon)
    return x * (1 + scale if choices.one_plus else scale)


def table(x: Array, choices: Choices, shift: int) -> tuple[Array, Array]:
    rates = choices.theta ** (-jnp.arange(0, HEAD, 2, dtype=x.dtype) / HEAD)
    angles = jnp.outer(jnp.arange(x.shape[1], dtype=x.dtype) + shift, rates)[:, None, :]
    return jnp.cos(angles), jnp.sin(angles)


def held_table() -> tuple[Array, Array]:
    """The same, made once by NumPy and kept in float32."""
    angles = np.outer(np.arange(STEPS), THETA ** (-np.arange(0, HEAD, 2) / HEAD))[:, None, :]
    return jnp.asarray(np.cos(angles, dtype=np.float32)), jnp.asarray(np.sin(angles, dtype=np.float32))


def jax_rotate(x: Array, choices: Choices, shift: int = 0) -> Array:
    """The same of (batch, steps, heads, head)."""
    cos, sin = held_table() if choices.held else table(x, choices, shift)
    if choices.interleaved:
        first, second = x[..., 0::2], x[..., 1::2]
        return jnp.stack([first * cos - second * sin, second * cos + first * sin], axis=-1).reshape(x.shape)
    first, second = jnp.split(x, 2, axis=-1)
    return jnp.concatenate([first * cos - second * sin, second * cos + first * sin], axis=-1)


def attended(q: Array, k: Array, v: Array, choices: Choices) -> Array:
    q = jax_rotate(q, choices) * choices.query_scale
    k = jax_rotate(k, choices, choices.key_shift)
    scores = jnp.einsum("bqhd,bkhd->bhqk", q, choices.repeat(k)) * choices.scale
    scores = jnp.where(choices.mask(q.shape[1]), scores, jnp.finfo(scores.dtype).min)
    weights = choices.weights(jax.nn.softmax(scores, axis=choices.softmax_axis))
    out = jnp.einsum("bhqk,bkhd->bqhd", weights, choices.repeat(v))
    return out.transpose(choices.merge).reshape(*out.shape[:2], -1)


def gated(gate: Array, up: Array, choices: Choices) -> Array:
    return choices.act(gate) * up if choices.gate_first else gate * choices.act(up)


class NormLinen(linen.Module):
    choices: Choices

    @linen.compact
    def __call__(self, x: Array) -> Array:
        return rms(x, self.param("scale", linen.initializers.ones, (MODEL,)), self.choices)


class AttentionLinen(linen.Module):
    choices: Choices

    @linen.compact
    def __call__(self, x: Array) -> Array:
        dense = partial(linen.Dense, use_bias=False)
        q = split(dense(HEADS * HEAD, name="wq")(x), HEADS)
        k, v = (split(dense(KV_HEADS * HEAD, name=name)(x), KV_HEADS) for name in ("wk", "wv"))
        return dense(MODEL, name="wo")(attended(q, k, v, self.choices))


class MlpLinen(linen.Module):
    choices: Choices

    @linen.compact
    def __call__(self, x: Array) -> Array:
        gate, up = (linen.Dense(WIDE, use_bias=False, name=name)(x) for name in ("gate_proj", "up_proj"))
        return linen.Dense(MODEL, use_bias=False, name="down_proj")(gated(gate, up, self.choices))


class LayerLinen(linen.Module):
    choices: Choices

    @linen.compact
    def __call__(self, x: Array) -> Array:
        h = NormLinen(self.choices, name="attention_norm")(x)
        x = x + AttentionLinen(self.choices, name="attention")(h)
        h = NormLinen(self.choices, name="ffn_norm")(x)
        return x + MlpLinen(self.choices, name="feed_forward")(h)


class DecoderLinen(linen.Module):
    choices: Choices

    @linen.compact
    def __call__(self, ids: Array) -> Array:
        x = linen.Embed(VOCABULARY, MODEL, name="embed_tokens")(ids) * MODEL**0.5
        x = NormLinen(RIGHT, name="norm")(LayerLinen(self.choices, name="layers_0")(x))
        return linen.Dense(VOCABULARY, use_bias=False, name="lm_head")(x)


class NormNNX(nnx.Module):
    def __init__(self, choices: Choices) -> None:
        self.scale = nnx.Param(jnp.ones(MODEL))
        self.choices = choices

    def __call__(self, x: Array) -> Array:
        return rms(x, self.scale[...], self.choices)


class AttentionNNX(nnx.Module):
    def __init__(self, choices: Choices, rngs: nnx.Rngs) -> None:
        linear = partial(nnx.Linear, use_bias=False, rngs=rngs)
        self.q_proj = linear(MODEL, HEADS * HEAD)
        self.k_proj = linear(MODEL, KV_HEADS * HEAD)
        self.v_proj = linear(MODEL, KV_HEADS * HEAD)
        self.o_proj = linear(HEADS * HEAD, MODEL)
        self.choices = choices

    def __call__(self, x: Array) -> Array:
        q, k, v = split(self.q_proj(x), HEADS), split(self.k_proj(x), KV_HEADS), split(self.v_proj(x), KV_HEADS)
        return self.o_proj(attended(q, k, v, self.choices))


class MlpNNX(nnx.Module):
    def __init__(self, choices: Choices, rngs: nnx.Rngs) -> None:
        self.gate_proj = nnx.Linear(MODEL, WIDE, use_bias=False, rngs=rngs)
        self.up_proj = nnx.Linear(MODEL, WIDE, use_bias=False, rngs=rngs)
        self.down_proj = nnx.Linear(WIDE, MODEL, use_bias=False, rngs=rngs)
        self.choices = choices

    def __call__(self, x: Array) -> Array:
        return self.down_proj(gated(self.gate_proj(x), self.up_proj(x), self.choices))


class LayerNNX(nnx.Module):
    def __init__(self, choices: Choices, rngs: nnx.Rngs) -> None:
        self.input_layernorm = NormNNX(choices)
        self.self_attn = AttentionNNX(choices, rngs)
        self.post_attention_layernorm = NormNNX(choices)
        self.mlp = MlpNNX(choices, rngs)

    def __call__(self, x: Array) -> Array:
        x = x + self.self_attn(self.input_layernorm(x))
        return x + self.mlp(self.post_attention_layernorm(x))


class DecoderNNX(nnx.Module):
    def __init__(self, choices: Choices, rngs: nnx.Rngs) -> None:
        self.embed_tokens = nnx.Embed(VOCABULARY, MODEL, rngs=rngs)
        self.layers = nnx.List([LayerNNX(choices, rngs)])
        self.norm = NormNNX(RIGHT)
        self.lm_head = nnx.Linear(MODEL, VOCABULARY, use_bias=False, rngs=rngs)

    def __call__(self, ids: Array) -> Array:
        x = self.embed_tokens(ids) * MODEL**0.5
        for layer in self.layers:
            x = layer(x)
        return self.lm_head(self.norm(x))


def ids(rng: np.random.Generator) -> np.ndarray:
    return rng.integers(0, VOCABULARY, (2, STEPS)).astype(np.int32)


def decoder_linen(**fault: Any) -> Callable[[], Pair]:
    return paired(seeded(Decoder), lambda: DecoderLinen(replace(RIGHT, **fault)), ids)


def decoder_nnx(**fault: Any) -> Callable[[], Pair]:
    return paired(seeded(Decoder), nnx_port(DecoderNNX, replace(RIGHT, **fault)), ids)


# Smaller parts, whose references are the zoo's.


class PaddedLinen(linen.Module):
    """``keeps``: from torch's mask, True where a step is ignored, to Flax's, True where it is kept."""

    keeps: Callable[[Array], Array] = jnp.logical_not

    @linen.compact
    def __call__(self, x: Array, padding: Array) -> tuple[Array, Array]:
        shape = (attention.HEADS, attention.HEAD)
        q, k, v = (linen.DenseGeneral(shape, name=name)(x) for name in ("query", "key", "value"))
        weights = linen.dot_product_attention_weights(q, k, mask=self.keeps(padding)[:, None, None, :])
        x = jnp.einsum("bhqk,bkhd->bqhd", weights, v)
        return linen.DenseGeneral(attention.WIDTH, axis=(-2, -1), name="out")(x), weights.mean(axis=1)


def half_padded(rng: np.random.Generator) -> dict[str, np.ndarray]:
    """No row is padded or kept whole, so that the opposite mask has something to attend to as well."""
    x = attention.steps(rng)
    return {"x": x, "padding": np.arange(x.shape[1]) >= np.array([[2], [4]])}


class EncoderBlockLinen(linen.Module):
    """``norm_first`` and the activation are torch's arguments of the same meaning."""

    norm_first: bool = True
    act: Callable[[Array], Array] = partial(jax.nn.gelu, approximate=False)

    @linen.compact
    def __call__(self, x: Array) -> Array:
        attend = linen.MultiHeadDotProductAttention(attention.HEADS)
        norm_1, norm_2 = linen.LayerNorm(epsilon=1e-5), linen.LayerNorm(epsilon=1e-5)
        up, down = linen.Dense(attention.WIDE), linen.Dense(attention.WIDTH)
        if self.norm_first:
            x = x + attend(norm_1(x))
            return x + down(self.act(up(norm_2(x))))
        x = norm_1(x + attend(x))
        return norm_2(x + down(self.act(up(x))))


class Encoder(nn.Module):
    """A layer of torch's own after a projection."""

    def __init__(self) -> None:
        super().__init__()
        self.enter = nn.Linear(5, attention.WIDTH)
        self.block = attention.encoder_layer(norm_first=True, activation="gelu")

    def forward(self, x: Tensor) -> Tensor:
        return self.block(self.enter(x))


class EncoderLinen(linen.Module):
    block: Callable[..., linen.Module] = EncoderBlockLinen

    @linen.compact
    def __call__(self, x: Array) -> Array:
        return self.block(name="block")(linen.Dense(attention.WIDTH, name="enter")(x))


def encoder(**fault: Any) -> Callable[[], Pair]:
    port = partial(EncoderBlockLinen, **fault)
    return paired(seeded(Encoder), lambda: EncoderLinen(port), steps_of_5, modes=("train",))


def steps_of_5(rng: np.random.Generator) -> np.ndarray:
    return rng.standard_normal((2, 4, 5)).astype(np.float32)


class Island(nn.Module):
    """Norms that the model itself raises to float32, before and after a gated layer."""

    def __init__(self) -> None:
        super().__init__()
        self.norm = attention.RMSNorm(attention.MODEL)
        self.mlp = attention.SwiGLU()
        self.final = attention.RMSNorm(attention.MODEL)

    def forward(self, x: Tensor) -> Tensor:
        return self.final(x + self.mlp(self.norm(x)))


class IslandNorm(nnx.Module):
    def __init__(self, epsilon: float) -> None:
        self.scale = nnx.Param(jnp.ones(attention.MODEL))
        self.epsilon = epsilon

    def __call__(self, x: Array) -> Array:
        wide = x.astype(jnp.float32)
        wide = wide * lax.rsqrt(jnp.mean(wide**2, axis=-1, keepdims=True) + self.epsilon)
        return wide.astype(x.dtype) * self.scale[...]


class IslandNNX(nnx.Module):
    def __init__(self, epsilon: float, rngs: nnx.Rngs) -> None:
        linear = partial(nnx.Linear, use_bias=False, rngs=rngs)
        self.norm = IslandNorm(attention.EPSILON)
        self.gate_proj, self.up_proj = (linear(attention.MODEL, attention.WIDE) for _ in range(2))
        self.down_proj = linear(attention.WIDE, attention.MODEL)
        self.final = IslandNorm(epsilon)

    def __call__(self, x: Array) -> Array:
        h = self.norm(x)
        return self.final(x + self.down_proj(nnx.silu(self.gate_proj(h)) * self.up_proj(h)))


def islands(epsilon: float) -> Callable[[], Pair]:
    return paired(seeded(Island), nnx_port(IslandNNX, epsilon), normal(2, 3, attention.MODEL))


LINEN = decoder_linen()
NNX = decoder_nnx()
PADDED = paired(seeded(attention.PaddedAttention), PaddedLinen, half_padded, modes=("train",))
ENCODER = encoder()
ISLANDS = islands(attention.EPSILON)

ROWS = [
    Planted(
        "RMSNorm epsilon 1e-5 for 1e-6 (Linen)",
        decoder_linen(epsilon=1e-5),
        LINEN,
        where="layers.0.input_layernorm",
        setting="epsilon",
    ),
    Planted(
        "rotary embedding interleaved (Linen)",
        decoder_linen(interleaved=True),
        LINEN,
        where="layers.0.self_attn",
        setting="interleaved",
    ),
    Planted(
        "keys' rotary positions from 1 (Linen)",
        decoder_linen(key_shift=1),
        LINEN,
        where="layers.0.self_attn",
        setting="position",
    ),
    Planted(
        "no causal mask (Linen)",
        decoder_linen(mask=lambda steps: jnp.ones((steps, steps), bool)),
        LINEN,
        where="layers.0.self_attn",
        setting="causal",
    ),
    Planted(
        "scores scaled by the model's width (Linen)",
        decoder_linen(scale=MODEL**-0.5),
        LINEN,
        where="layers.0.self_attn",
        setting="scale",
    ),
    Planted(
        "softmax over the queries (Linen)",
        decoder_linen(softmax_axis=-2),
        LINEN,
        where="layers.0.self_attn",
        setting="axis",
    ),
    Planted(
        "SiLU on the value, not on the gate (Linen)",
        decoder_linen(gate_first=False),
        LINEN,
        where="layers.0.mlp",
        setting="gate order",
    ),
    Planted(
        "rotary table held in float32 (Linen)",
        decoder_linen(held=True),
        LINEN,
        verdict="float32_only",
        where="layers.0.self_attn",
        setting="dtype",
    ),
    Planted(
        "attention weights stopped in the gradient (Linen)",
        decoder_linen(weights=lax.stop_gradient),
        LINEN,
        where="layers.0.self_attn",
        direction="backward",
        setting="stop_gradient",
    ),
    Planted(
        "padding mask of the opposite polarity (Linen)",
        paired(seeded(attention.PaddedAttention), lambda: PaddedLinen(same), half_padded, modes=("train",)),
        PADDED,
        where="attention",
        setting="key_padding_mask",
    ),
    Planted(
        "GELU by tanh in torch's own encoder layer (Linen)",
        encoder(act=jax.nn.gelu),
        ENCODER,
        where="block",
        setting="approximate",
    ),
    Planted(
        "norm last for norm first (Linen)", encoder(norm_first=False), ENCODER, where="block", setting="norm_first"
    ),
    Planted(
        "RMSNorm with 1 + scale in a decoder (NNX)",
        decoder_nnx(one_plus=True),
        NNX,
        where="layers.0.input_layernorm",
        setting="scale",
    ),
    Planted(
        "rotary theta 500000 for 10000 (NNX)",
        decoder_nnx(theta=500000.0),
        NNX,
        where="layers.0.self_attn",
        setting="theta",
    ),
    Planted(
        "key and value heads tiled, not repeated (NNX)",
        decoder_nnx(repeat=lambda a: jnp.tile(a, (1, 1, HEADS // KV_HEADS, 1))),
        NNX,
        where="layers.0.self_attn",
        setting="repeat_interleave",
    ),
    Planted(
        "causal mask that shows one step ahead (NNX)",
        decoder_nnx(mask=lambda steps: jnp.tril(jnp.ones((steps, steps), bool), 1)),
        NNX,
        where="layers.0.self_attn",
        setting="causal",
    ),
    Planted(
        "query scaled twice (NNX)",
        decoder_nnx(query_scale=HEAD**-0.5),
        NNX,
        where="layers.0.self_attn",
        setting="scale",
    ),
    Planted(
        "heads joined without bringing the steps back in front (NNX)",
        decoder_nnx(merge=(0, 2, 1, 3)),
        NNX,
        where="layers.0.self_attn",
        setting="axis order",
    ),
    Planted(
        "RMSNorm epsilon 1e-5 for 1e-6 where norms are raised to float32 (NNX)",
        islands(1e-5),
        ISLANDS,
        where="final",
        setting="epsilon",
    ),
]
