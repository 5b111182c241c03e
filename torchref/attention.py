"""Attention by FlexAttention, by scaled_dot_product_attention and by its formula."""

import math

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor
from torch.nn.attention.flex_attention import create_block_mask, flex_attention


def attention(
    queries: Float[Tensor, "batch positions heads features"],
    keys: Float[Tensor, "batch positions heads features"],
    values: Float[Tensor, "batch positions heads features"],
    slopes: Float[Tensor, "heads"],
) -> dict[str, object]:
    """Causal attention with a bias by distance: as a function of one score, as one call, and as a formula."""
    q, k, v = (array.transpose(1, 2) for array in (queries, keys, values))  # heads before positions, as torch wants
    length, features = q.shape[2:]
    mask = create_block_mask(lambda batch, head, i, j: i >= j, None, None, length, length, device=q.device)
    attend = torch.compile(flex_attention, backend="eager")  # the default backend fuses the function into one kernel
    try:
        by_score = attend(
            q, k, v, score_mod=lambda score, batch, head, i, j: score - slopes[head] * (i - j), block_mask=mask
        )
    finally:
        torch.compiler.reset()  # compiled code stays with the code it came from until then
    try:
        flex_attention(q.cpu().clone().requires_grad_(), k.cpu(), v.cpu())
    except NotImplementedError as error:
        refused = str(error)

    positions = torch.arange(length, device=q.device)
    distance = positions[:, None] - positions
    bias = torch.where(distance >= 0, -slopes[:, None, None] * distance, -math.inf)  # the mask is part of it
    q, k, v = (array.clone().requires_grad_() for array in (q, k, v))
    by_call = F.scaled_dot_product_attention(q, k, v, attn_mask=bias)
    gradients = torch.autograd.grad(by_call.square().sum(), (q, k, v))

    weights = torch.softmax(q @ k.mT / math.sqrt(features) + bias, dim=-1)
    by_formula = weights @ v
    return {
        "by score": by_score.transpose(1, 2),
        "by one call": by_call.transpose(1, 2),
        "by one call, as the formula to 1e-5": (by_call - by_formula).abs().max().item() < 1e-5,
        "by formula": by_formula.transpose(1, 2),
        "gradient of queries": gradients[0].transpose(1, 2),
        "gradient of keys": gradients[1].transpose(1, 2),
        "gradient of values": gradients[2].transpose(1, 2),
        "refused": refused,
    }
