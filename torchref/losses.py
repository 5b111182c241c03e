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
    images: Float[Tensor, "batch pixels"], labels: Int[Tensor, "batch"]
) -> tuple[Float[Tensor, "half classes"], Float[Tensor, "half classes"]]:
    """The same twenty steps with the right loss, and with a softmax too many.

    Returns:
        The logits of the second half of the images, by either classifier: it is trained on the first half.
    """
    half = len(images) // 2
    train, held_out = images[:half], images[half:]
    right = learn(cross_entropy, train, labels[:half])
    wrong = learn(softmax_twice, train, labels[:half])
    return held_out @ right, held_out @ wrong
