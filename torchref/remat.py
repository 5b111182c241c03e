"""Rematerialization: activations computed again in the backward pass, where memory is dearer than time."""

import torch
from jaxtyping import Float
from torch import Tensor
from torch.utils.checkpoint import checkpoint

from torchref.autograd import bytes_kept


def checkpointing(
    x: Float[Tensor, "batch width"],
    up: Float[Tensor, "layers width inner"],
    down: Float[Tensor, "layers inner width"],
) -> dict[str, object]:
    """Blocks that keep only their input: the backward pass runs each of them again."""
    up, down = up.clone().requires_grad_(), down.clone().requires_grad_()
    runs = []

    def block(
        h: Float[Tensor, "batch width"], up: Float[Tensor, "width inner"], down: Float[Tensor, "inner width"]
    ) -> Float[Tensor, "batch width"]:
        runs.append(1)
        return h + torch.tanh(h @ up) @ down

    def loss_of(again: bool) -> Float[Tensor, ""]:
        h = x
        for weights in zip(up, down, strict=True):
            h = checkpoint(block, h, *weights, use_reentrant=False) if again else block(h, *weights)
        return (h**2).mean()

    plain = torch.autograd.grad(loss_of(again=False), up)
    runs_plain = len(runs) // len(up)
    runs.clear()
    rematerialized = torch.autograd.grad(loss_of(again=True), up)
    runs_again = len(runs) // len(up)
    kept = bytes_kept(lambda: loss_of(again=False), [x, up, down])
    kept_again = bytes_kept(lambda: loss_of(again=True), [x, up, down])
    return {
        "gradient": plain[0],
        "gradient with checkpoints": rematerialized[0],
        "runs of each block": (runs_plain, runs_again),
        "bytes kept": kept,
        "bytes kept with checkpoints": kept_again,
        "a third of the bytes or less": kept_again <= kept / 3,
    }
