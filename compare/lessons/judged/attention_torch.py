"""What is judged of torchref/attention.py."""

from collections.abc import Callable
from functools import partial

import torch
from torch import Tensor
from torch.nn.attention.flex_attention import flex_attention

from compare.lessons.judged.counted_torch import leaves
from compare.lessons.judged.said import refused
from compare.lessons.row import Quantities
from torchref.attention import by_one_call, by_score


def attention(
    function: Callable[..., Tensor], queries: Tensor, keys: Tensor, values: Tensor, slopes: Tensor
) -> Quantities:
    """The three ways, the gradients by one call, and what has no backward pass."""
    written = function(queries, keys, values, slopes)
    params = leaves(queries=queries, keys=keys, values=values)
    attended = by_one_call(**params, slopes=slopes)
    gradients = torch.autograd.grad(attended.square().sum(), list(params.values()))
    try:
        scored = by_score(queries, keys, values, slopes, partial(torch.compile, backend="eager"))
    finally:
        torch.compiler.reset()  # compiled code stays with the code it came from until then
    q, k, v = (array.transpose(1, 2).cpu() for array in (queries, keys, values))
    return {
        "by score": scored,
        "by one call": attended,
        "by one call, as the formula to 1e-5": (attended - written).abs().max().item() < 1e-5,
        "by formula": written,
        "gradient of queries": gradients[0],
        "gradient of keys": gradients[1],
        "gradient of values": gradients[2],
        "refused": refused(lambda: flex_attention(q.clone().requires_grad_(), k, v), NotImplementedError),
    }
