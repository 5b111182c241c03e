"""Losses of the reference."""

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
            it leaves out of the mean (its ``ignore_index``).

    Source: https://docs.pytorch.org/docs/stable/generated/torch.nn.functional.cross_entropy.html
    """
    return F.cross_entropy(logits, labels)
