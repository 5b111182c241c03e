"""Rematerialization: activations computed again in the backward pass, where memory is dearer than time."""

import torch
from jaxtyping import Float
from torch import Tensor
from torch.utils.checkpoint import checkpoint


def block(
    h: Float[Tensor, "batch width"], up: Float[Tensor, "width inner"], down: Float[Tensor, "inner width"]
) -> Float[Tensor, "batch width"]:
    """A residual block, whose inner activations are wider than what goes in and out."""
    return h + torch.tanh(h @ up) @ down


def deep_loss(
    x: Float[Tensor, "batch width"],
    up: Float[Tensor, "layers width inner"],
    down: Float[Tensor, "layers inner width"],
    *,
    again: bool,
) -> Float[Tensor, ""]:
    """A loss behind several blocks; with ``again``, each keeps its input alone and runs once more in the backward."""
    h = x
    for weights in zip(up, down, strict=True):
        # checkpoint drops what the tape would keep of the block, and calls the block again in the backward pass
        h = checkpoint(block, h, *weights, use_reentrant=False) if again else block(h, *weights)
    return (h**2).mean()


def checkpointing(
    x: Float[Tensor, "batch width"],
    up: Float[Tensor, "layers width inner"],
    down: Float[Tensor, "layers inner width"],
) -> tuple[Float[Tensor, "layers width inner"], Float[Tensor, "layers width inner"]]:
    """The gradient of ``up``, with all activations kept, and with blocks that run twice."""
    up, down = up.clone().requires_grad_(), down.clone().requires_grad_()
    (kept,) = torch.autograd.grad(deep_loss(x, up, down, again=False), up)
    (made_again,) = torch.autograd.grad(deep_loss(x, up, down, again=True), up)
    return kept, made_again
