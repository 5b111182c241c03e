"""Differentiation of a plain function: a multilayer perceptron without a module."""

import jax
from jaxtyping import Array, Float


def loose_mlp(params: dict[str, Array], x: Float[Array, "batch inputs"]) -> Float[Array, "batch classes"]:
    """Two affine maps with a ReLU between: ``relu(x W1' + b1) W2' + b2``, raw logits.

    Args:
        params: arrays ``W1 (hidden, inputs)``, ``b1 (hidden,)``, ``W2 (classes, hidden)``, ``b2 (classes,)``.
            Nothing marks them as differentiable: ``jax.grad`` is told which argument to differentiate.
        x: one row for each example.
    """
    a1 = jax.nn.relu(x @ params["W1"].T + params["b1"])
    return a1 @ params["W2"].T + params["b2"]
