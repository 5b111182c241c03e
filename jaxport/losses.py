"""Losses of the port."""

import optax
from jaxtyping import Array, Float, Int


def cross_entropy(logits: Float[Array, "batch classes"], labels: Int[Array, "batch"]) -> Float[Array, ""]:
    """Mean over the batch of ``-log softmax(logits)[label]``, in nats.

    The softmax is inside, fused with the logarithm (``log softmax(z) = z - logsumexp(z)``), so logits of any size
    stay finite. optax returns one loss for each example and leaves the mean to the caller.

    Args:
        logits: raw scores, one row for each example.
        labels: class indices in ``[0, classes)``. Nothing can raise under ``jit``: -1 to -classes count from the
            end, as in NumPy, and an index beyond either end gives NaN.

    Source: https://optax.readthedocs.io/en/latest/api/losses.html
    """
    return optax.softmax_cross_entropy_with_integer_labels(logits, labels).mean()
