"""Losses of the reference."""

from collections.abc import Callable

import torch
from jaxtyping import Float, Int
from torch import Tensor
from torch.nn import functional as F


def cross_entropy(logits: Float[Tensor, "batch classes"], labels: Int[Tensor, "batch"]) -> Float[Tensor, ""]:
    """Mean over the batch of ``-log softmax(logits)[label]``, in nats.

    The softmax is inside, fused with the logarithm (``log softmax(z) = z - logsumexp(z)``), so logits of any size
    stay finite. Handing in probabilities applies the softmax twice, which raises no error and trains badly.

    Args:
        logits: raw scores, one row for each example.
        labels: class indices in ``[0, classes)`` as int64; torch raises outside that range, except for -100, which
            it leaves out of the mean (its ``ignore_index``). On CUDA it is a device-side assert, raised later by
            another call, after which the process cannot use the GPU.

    Source: https://docs.pytorch.org/docs/stable/generated/torch.nn.functional.cross_entropy.html
    """
    return F.cross_entropy(logits, labels)


def softmax_twice(logits: Float[Tensor, "batch classes"], labels: Int[Tensor, "batch"]) -> Float[Tensor, ""]:
    """The mistake: probabilities handed to a loss that takes logits. Nothing is raised."""
    return F.cross_entropy(logits.softmax(dim=1), labels)


def softmax_then_log(logits: Float[Tensor, "batch classes"], labels: Int[Tensor, "batch"]) -> Float[Tensor, "batch"]:
    """The definition written out, one loss for each row: right on paper, and overflows where exp does."""
    odds = logits.exp()
    probabilities = odds / odds.sum(dim=1, keepdim=True)
    return -probabilities.log().gather(1, labels[:, None])[:, 0]


def learn(
    loss: Callable[[Tensor, Tensor], Tensor], images: Float[Tensor, "train pixels"], labels: Int[Tensor, "train"]
) -> Float[Tensor, "pixels classes"]:
    """A linear classifier of ten classes after 20 steps on the whole batch, from zero."""
    weights = torch.zeros(images.shape[1], 10, dtype=images.dtype, device=images.device, requires_grad=True)
    optimizer = torch.optim.SGD([weights], lr=0.5)
    for _ in range(20):
        optimizer.zero_grad()
        loss(images @ weights, labels).backward()
        optimizer.step()
    return weights.detach()


def raw_logits(
    logits: Float[Tensor, "rows classes"],
    targets: Int[Tensor, "rows"],
    large: Float[Tensor, "three kinds"],
    images: Float[Tensor, "batch pixels"],
    labels: Int[Tensor, "batch"],
) -> dict[str, object]:
    """Cross-entropy takes raw logits: what a second softmax costs, and what the fused logarithm saves."""
    z = logits.clone().requires_grad_()
    loss, twice = cross_entropy(z, targets), softmax_twice(z, targets)
    (gradient,) = torch.autograd.grad(loss, z)
    (gradient_twice,) = torch.autograd.grad(twice, z)
    certain = 1000 * F.one_hot(targets, logits.shape[1]).to(logits)  # right, as surely as can be

    half = len(images) // 2  # to train on; the other half validates

    def accuracy(loss: Callable[[Tensor, Tensor], Tensor]) -> float:
        guessed = (images[half:] @ learn(loss, images[:half], labels[:half])).argmax(dim=1)
        return (guessed == labels[half:]).sum().item() / half

    picked = torch.tensor([0, 0, 1], device=large.device)
    return {
        "loss": loss,
        "loss, softmax twice": twice,
        "gradient": gradient,
        "gradient, softmax twice": gradient_twice,
        "lowest loss": cross_entropy(certain, targets),
        "lowest loss, softmax twice": softmax_twice(certain, targets),
        "accuracy": accuracy(cross_entropy),
        "accuracy, softmax twice": accuracy(softmax_twice),
        "large logits": F.cross_entropy(large, picked, reduction="none"),
        "large logits, softmax then log": softmax_then_log(large, picked),
    }
