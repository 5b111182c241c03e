"""A small GPT, written twice: token and position embeddings, pre-norm blocks with causal attention, a tied head.

What differs and must not matter: PyTorch keeps q, k and v in one matrix and masks with -inf; the port has one kernel
per head for each and masks with the dtype's lowest number. The head is the embedding's own matrix on both sides.

    jaxport verify examples/gpt_block.py
"""

import numpy as np
import torch
import torch.nn.functional as F
from flax import linen
from jax import Array
from jax import numpy as jnp
from torch import Tensor, nn

from compare.pair.pair import Pair

VOCABULARY, CONTEXT = 65, 16
WIDTH, HEADS, LAYERS = 32, 4, 2


# The reference, in PyTorch.


class CausalSelfAttention(nn.Module):
    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.c_attn = nn.Linear(width, 3 * width)
        self.c_proj = nn.Linear(width, width)

    def forward(self, x: Tensor) -> Tensor:
        batch, steps, width = x.shape
        q, k, v = self.c_attn(x).split(width, dim=2)
        q, k, v = (a.view(batch, steps, self.heads, width // self.heads).transpose(1, 2) for a in (q, k, v))
        scores = q @ k.transpose(-2, -1) * k.shape[-1] ** -0.5
        future = torch.ones(steps, steps, dtype=torch.bool, device=x.device).triu(1)
        weights = F.softmax(scores.masked_fill(future, float("-inf")), dim=-1)
        return self.c_proj((weights @ v).transpose(1, 2).reshape(batch, steps, width))


class MLP(nn.Module):
    def __init__(self, width: int) -> None:
        super().__init__()
        self.c_fc = nn.Linear(width, 4 * width)
        self.c_proj = nn.Linear(4 * width, width)

    def forward(self, x: Tensor) -> Tensor:
        return self.c_proj(F.gelu(self.c_fc(x), approximate="tanh"))


class Block(nn.Module):
    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.ln_1 = nn.LayerNorm(width)
        self.attn = CausalSelfAttention(width, heads)
        self.ln_2 = nn.LayerNorm(width)
        self.mlp = MLP(width)

    def forward(self, x: Tensor) -> Tensor:
        x = x + self.attn(self.ln_1(x))
        return x + self.mlp(self.ln_2(x))


class GPT(nn.Module):
    """Token ids (batch, steps) in, logits (batch, steps, vocabulary) out."""

    def __init__(self) -> None:
        super().__init__()
        self.wte = nn.Embedding(VOCABULARY, WIDTH)
        self.wpe = nn.Embedding(CONTEXT, WIDTH)
        self.h = nn.ModuleList(Block(WIDTH, HEADS) for _ in range(LAYERS))
        self.ln_f = nn.LayerNorm(WIDTH)
        self.lm_head = nn.Linear(WIDTH, VOCABULARY, bias=False)
        self.lm_head.weight = self.wte.weight

    def forward(self, ids: Tensor) -> Tensor:
        x = self.wte(ids) + self.wpe(torch.arange(ids.shape[1], device=ids.device))
        for block in self.h:
            x = block(x)
        return self.lm_head(self.ln_f(x))


# The port, in Flax Linen. LayerNorm's epsilon is 1e-6 there unless said.


class FlaxMLP(linen.Module):
    @linen.compact
    def __call__(self, x: Array) -> Array:
        width = x.shape[-1]
        x = linen.gelu(linen.Dense(4 * width, name="fc")(x))  # the tanh approximation is Flax's default
        return linen.Dense(width, name="proj")(x)


class FlaxBlock(linen.Module):
    heads: int

    @linen.compact
    def __call__(self, x: Array, mask: Array) -> Array:
        h = linen.LayerNorm(epsilon=1e-5, name="ln_1")(x)
        x = x + linen.MultiHeadDotProductAttention(self.heads, name="attention")(h, mask=mask)
        return x + FlaxMLP(name="mlp")(linen.LayerNorm(epsilon=1e-5, name="ln_2")(x))


class FlaxGPT(linen.Module):
    @linen.compact
    def __call__(self, ids: Array) -> Array:
        embed = linen.Embed(VOCABULARY, WIDTH, name="wte")
        x = embed(ids) + linen.Embed(CONTEXT, WIDTH, name="wpe")(jnp.arange(ids.shape[1]))
        mask = linen.make_causal_mask(ids)
        for layer in range(LAYERS):
            x = FlaxBlock(HEADS, name=f"block_{layer}")(x, mask)
        return embed.attend(linen.LayerNorm(epsilon=1e-5, name="ln_f")(x))


def batch(rng: np.random.Generator) -> np.ndarray:
    """Token ids (batch, steps)."""
    return rng.integers(0, VOCABULARY, (3, 11)).astype(np.int32)


torch.manual_seed(0)
pair = Pair(reference=GPT(), port=FlaxGPT(), batch=batch, bounds={"ids": (0, VOCABULARY)}, smooth=True)
