"""What is judged of jaxport/losses.py."""

from collections.abc import Callable

import jax
import jax.numpy as jnp
import optax
from jax import Array

from compare.lessons.row import Quantities
from jaxport.losses import cross_entropy, softmax_then_log, softmax_twice


def raw_logits(
    function: Callable[..., tuple[Array, Array]],
    logits: Array, targets: Array, large: Array, images: Array, labels: Array,
) -> Quantities:  # fmt: skip
    """What a second softmax costs, and what the fused logarithm saves."""
    once_and_gradient, twice_and_gradient = (jax.jit(jax.value_and_grad(f)) for f in (cross_entropy, softmax_twice))
    loss, gradient = once_and_gradient(logits, targets)
    twice, gradient_twice = twice_and_gradient(logits, targets)
    certain = 1000 * jax.nn.one_hot(targets, logits.shape[1], dtype=logits.dtype)  # right, as surely as can be
    right, wrong = function(images, labels)
    half = len(right)
    accuracy, accuracy_twice = ((of.argmax(axis=1) == labels[half:]).sum().item() / half for of in (right, wrong))
    picked, fused = jnp.array([0, 0, 1]), jax.jit(optax.softmax_cross_entropy_with_integer_labels)
    return {
        "loss": loss,
        "loss, softmax twice": twice,
        "gradient": gradient,
        "gradient, softmax twice": gradient_twice,
        "lowest loss": once_and_gradient(certain, targets)[0],
        "lowest loss, softmax twice": twice_and_gradient(certain, targets)[0],
        "accuracy": accuracy,
        "accuracy, softmax twice": accuracy_twice,
        "large logits": fused(large, picked),
        "large logits, softmax then log": softmax_then_log(large, picked),
    }
