"""What is judged of torchref/losses.py."""

from collections.abc import Callable

import torch
from torch import Tensor
from torch.nn import functional as F

from compare.lessons.row import Quantities
from torchref.losses import cross_entropy, softmax_then_log, softmax_twice


def raw_logits(
    function: Callable[..., tuple[Tensor, Tensor]],
    logits: Tensor, targets: Tensor, large: Tensor, images: Tensor, labels: Tensor,
) -> Quantities:  # fmt: skip
    """What a second softmax costs, and what the fused logarithm saves."""
    z = logits.clone().requires_grad_()
    loss, twice = cross_entropy(z, targets), softmax_twice(z, targets)
    (gradient,) = torch.autograd.grad(loss, z)
    (gradient_twice,) = torch.autograd.grad(twice, z)
    certain = 1000 * F.one_hot(targets, logits.shape[1]).to(logits)  # right, as surely as can be
    right, wrong = function(images, labels)
    half = len(right)
    accuracy, accuracy_twice = ((of.argmax(dim=1) == labels[half:]).sum().item() / half for of in (right, wrong))
    picked = torch.tensor([0, 0, 1], device=large.device)
    return {
        "loss": loss,
        "loss, softmax twice": twice,
        "gradient": gradient,
        "gradient, softmax twice": gradient_twice,
        "lowest loss": cross_entropy(certain, targets),
        "lowest loss, softmax twice": softmax_twice(certain, targets),
        "accuracy": accuracy,
        "accuracy, softmax twice": accuracy_twice,
        "large logits": F.cross_entropy(large, picked, reduction="none"),
        "large logits, softmax then log": softmax_then_log(large, picked),
    }
