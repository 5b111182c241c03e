"""Training and evaluation of the port: pure functions, compiled once."""

from functools import partial
from typing import Any

import jax
import optax
from flax import linen as nn
from jaxtyping import Array, Float, Int

from jaxport.losses import cross_entropy

Params = Any  # a tree of arrays, as model.init(...)["params"] returns it


@partial(jax.jit, static_argnames=("model", "optimizer"))
def train_step(
    model: nn.Module,
    optimizer: optax.GradientTransformation,
    params: Params,
    opt_state: optax.OptState,
    images: Float[Array, "batch channels height width"],
    labels: Int[Array, "batch"],
) -> tuple[Params, optax.OptState, Float[Array, ""]]:
    """One step on one batch: a pure function of parameters, optimizer state and batch. Nothing is changed in place.

    ``model`` and ``optimizer`` hold no arrays, only what to compute; they are static, and a new one compiles anew.

    Returns:
        The new parameters, the new optimizer state, and the loss before the step.
    """

    def loss_of(params: Params) -> Float[Array, ""]:
        return cross_entropy(model.apply({"params": params}, images), labels)

    # jax.grad alone returns the gradient and drops the loss; asking for both costs no second forward pass.
    loss, grads = jax.value_and_grad(loss_of)(params)
    updates, opt_state = optimizer.update(grads, opt_state, params)
    return optax.apply_updates(params, updates), opt_state, loss


@partial(jax.jit, static_argnames=("model",))
def evaluate(
    model: nn.Module,
    params: Params,
    images: Float[Array, "batch channels height width"],
    labels: Int[Array, "batch"],
) -> Float[Array, ""]:
    """The share of ``images`` whose largest logit is the label, between 0 and 1."""
    best = model.apply({"params": params}, images).argmax(axis=1)
    return (best.astype(labels.dtype) == labels).mean()
