"""Losses of the port."""

from collections.abc import Callable
from functools import partial

import jax
import jax.numpy as jnp
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


def softmax_twice(logits: Float[Array, "batch classes"], labels: Int[Array, "batch"]) -> Float[Array, ""]:
    """The mistake: probabilities handed to a loss that takes logits. Nothing is raised."""
    return optax.softmax_cross_entropy_with_integer_labels(jax.nn.softmax(logits), labels).mean()


def softmax_then_log(logits: Float[Array, "batch classes"], labels: Int[Array, "batch"]) -> Float[Array, "batch"]:
    """The definition written out, one loss for each row: right on paper, and overflows where exp does."""
    odds = jnp.exp(logits)
    probabilities = odds / odds.sum(axis=1, keepdims=True)
    return -jnp.take_along_axis(jnp.log(probabilities), labels[:, None], axis=1)[:, 0]


@partial(jax.jit, static_argnames=("loss",))
def learn(
    loss: Callable[[Array, Array], Array], images: Float[Array, "train pixels"], labels: Int[Array, "train"]
) -> Float[Array, "pixels classes"]:
    """A linear classifier of ten classes after 20 steps on the whole batch, from zero."""
    weights = jnp.zeros((images.shape[1], 10), images.dtype)
    gradient = jax.grad(lambda weights: loss(images @ weights, labels))

    def step(_: Array, weights: Array) -> Array:
        return weights - 0.5 * gradient(weights)

    return jax.lax.fori_loop(0, 20, step, weights)


def raw_logits(
    images: Float[Array, "batch pixels"], labels: Int[Array, "batch"]
) -> tuple[Float[Array, "half classes"], Float[Array, "half classes"]]:
    """The same twenty steps with the right loss, and with a softmax too many.

    Returns:
        The logits of the second half of the images, by either classifier: it is trained on the first half.
    """
    half = len(images) // 2
    train, held_out = images[:half], images[half:]
    right = learn(cross_entropy, train, labels[:half])
    wrong = learn(softmax_twice, train, labels[:half])
    return held_out @ right, held_out @ wrong
