"""What is judged of jaxport/higher.py."""

from collections.abc import Callable

import jax
import jax.numpy as jnp
from jax import Array

from compare.lessons.judged.said import refused
from compare.lessons.row import Quantities
from jaxport.autograd import loose_mlp
from jaxport.losses import cross_entropy


def second_derivatives(
    function: Callable[..., tuple[Array, ...]], x: Array, y: Array, w: Array, v: Array
) -> Quantities:
    """Each derivative, the Hessian by its formula, and what grad refuses."""
    twice, product, hessian, jacobian, third = function(x, y, w, v)
    return {
        "Hessian times v, reverse over reverse": twice,
        "Hessian times v, forward over reverse": product,
        "Hessian": hessian,
        "Hessian by hand": x.T @ (jnp.exp(x @ w)[:, None] * x) / len(x),
        "Jacobian of the rates": jacobian,
        "third derivative along v": third,
        "gradient of a vector": refused(lambda: jax.grad(lambda w: x @ w)(w), TypeError),
    }


def per_sample(
    function: Callable[..., tuple[dict[str, Array], Array, Array]], x: Array, y: Array, **weights: Array
) -> Quantities:
    """The gradients, their mean, and the batch's own."""
    grads, norms, clipped = function(weights, x, y)
    batch = jax.jit(jax.grad(lambda params: cross_entropy(loose_mlp(params, x), y)))(weights)
    return {
        "gradients of W1": grads["W1"],
        "their mean": grads["W1"].mean(axis=0),
        "gradient of the batch": batch["W1"],
        "norms": norms,
        "mean of the clipped": clipped,
    }
