"""The tape on loose tensors: a multilayer perceptron without nn.Module."""

import torch
from jaxtyping import Float
from torch import Tensor


def loose_mlp(params: dict[str, Tensor], x: Float[Tensor, "batch inputs"]) -> Float[Tensor, "batch classes"]:
    """Two affine maps with a ReLU between: ``relu(x W1' + b1) W2' + b2``, raw logits.

    Args:
        params: leaf tensors ``W1 (hidden, inputs)``, ``b1 (hidden,)``, ``W2 (classes, hidden)``, ``b2 (classes,)``.
            A leaf is made first and marked ``requires_grad`` last; a tensor scaled after that is no leaf,
            and its ``.grad`` stays None.
        x: one row for each example.
    """
    a1 = torch.relu(x @ params["W1"].t() + params["b1"])
    return a1 @ params["W2"].t() + params["b2"]
