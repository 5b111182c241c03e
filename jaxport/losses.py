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
    logits: Float[Array, "rows classes"],
    targets: Int[Array, "rows"],
    large: Float[Array, "three kinds"],
    images: Float[Array, "batch pixels"],
    labels: Int[Array, "batch"],
) -> dict[str, object]:
    """Cross-entropy takes raw logits: what a second softmax costs, and what the fused logarithm saves."""
    once_and_gradient, twice_and_gradient = (jax.jit(jax.value_and_grad(f)) for f in (cross_entropy, softmax_twice))
    loss, gradient = once_and_gradient(logits, targets)
    twice, gradient_twice = twice_and_gradient(logits, targets)
    certain = 1000 * jax.nn.one_hot(targets, logits.shape[1], dtype=logits.dtype)  # right, as surely as can be

    half = len(images) // 2  # to train on; the other half validates

    def accuracy(loss: Callable[[Array, Array], Array]) -> float:
        guessed = (images[half:] @ learn(loss, images[:half], labels[:half])).argmax(axis=1)
        return (guessed == labels[half:]).sum().item() / half

    picked, fused = jnp.array([0, 0, 1]), jax.jit(optax.softmax_cross_entropy_with_integer_labels)
    return {
        "loss": loss,
        "loss, softmax twice": twice,
        "gradient": gradient,
        "gradient, softmax twice": gradient_twice,
        "lowest loss": once_and_gradient(certain, targets)[0],
        "lowest loss, softmax twice": twice_and_gradient(certain, targets)[0],
        "accuracy": accuracy(cross_entropy),
        "accuracy, softmax twice": accuracy(softmax_twice),
        "large logits": fused(large, picked),
        "large logits, softmax then log": softmax_then_log(large, picked),
    }
