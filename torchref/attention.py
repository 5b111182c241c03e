"""Attention by its formula, by scaled_dot_product_attention and by FlexAttention."""

import math
from collections.abc import Callable
from typing import Any

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor
from torch.nn.attention.flex_attention import create_block_mask, flex_attention

Heads = Float[Tensor, "batch positions heads features"]


def distance_bias(slopes: Float[Tensor, "heads"], length: int) -> Float[Tensor, "heads length length"]:
    """What is added to the score of query i and key j: less the farther j lies back, -inf where it comes after i."""
    positions = torch.arange(length, device=slopes.device)
    distance = positions[:, None] - positions
    return torch.where(distance >= 0, -slopes[:, None, None] * distance, -math.inf)  # the mask is part of it


def attention(queries: Heads, keys: Heads, values: Heads, slopes: Float[Tensor, "heads"]) -> Heads:
    """Causal attention with a bias by distance, as its formula: softmax of the scores, then a mean of the values."""
    q, k, v = (array.transpose(1, 2) for array in (queries, keys, values))  # heads before positions, as torch wants
    bias = distance_bias(slopes, q.shape[2])
    scores = q @ k.mT / math.sqrt(q.shape[3]) + bias
    weights = torch.softmax(scores, dim=-1)  # exp(-inf) is 0: no weight for a later position
    return (weights @ v).transpose(1, 2)


def by_one_call(queries: Heads, keys: Heads, values: Heads, slopes: Float[Tensor, "heads"]) -> Heads:
    """The same in one call, which need not keep the scores in memory."""
    q, k, v = (array.transpose(1, 2) for array in (queries, keys, values))
    bias = distance_bias(slopes, q.shape[2])
    attended = F.scaled_dot_product_attention(q, k, v, attn_mask=bias)  # a float mask is added, a boolean one keeps
    return attended.transpose(1, 2)


def by_score(
    queries: Heads, keys: Heads, values: Heads, slopes: Float[Tensor, "heads"],
    compile: Callable[..., Any] = torch.compile,
) -> Heads:  # fmt: skip
    """The same from a function of one score, which ``compile`` fuses into one kernel."""
    q, k, v = (array.transpose(1, 2) for array in (queries, keys, values))
    length = q.shape[2]
    mask = create_block_mask(lambda batch, head, i, j: i >= j, None, None, length, length, device=q.device)
    attended = compile(flex_attention)(  # no backward on the CPU
        q, k, v, score_mod=lambda score, batch, head, i, j: score - slopes[head] * (i - j), block_mask=mask
    )
    return attended.transpose(1, 2)
