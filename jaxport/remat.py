"""Rematerialization: activations computed again in the backward pass, where memory is dearer than time."""

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float


def block(
    h: Float[Array, "batch width"], up: Float[Array, "width inner"], down: Float[Array, "inner width"]
) -> Float[Array, "batch width"]:
    """A residual block, whose inner activations are wider than what goes in and out."""
    return h + jnp.tanh(h @ up) @ down


def deep_loss(
    x: Float[Array, "batch width"],
    up: Float[Array, "layers width inner"],
    down: Float[Array, "layers inner width"],
    *,
    again: bool,
) -> Float[Array, ""]:
    """A loss behind several blocks; with ``again``, each keeps its input alone and runs once more in the backward."""
    layer = jax.checkpoint(block) if again else block  # marks the block in the program that is traced
    h, _ = jax.lax.scan(lambda h, weights: (layer(h, *weights), None), x, (up, down))  # one block for each layer
    return (h**2).mean()


def checkpointing(
    x: Float[Array, "batch width"],
    up: Float[Array, "layers width inner"],
    down: Float[Array, "layers inner width"],
) -> tuple[Float[Array, "layers width inner"], Float[Array, "layers width inner"]]:
    """The gradient of ``up``, with all activations kept, and with blocks that run twice."""
    gradient = jax.jit(jax.grad(deep_loss, argnums=1), static_argnames="again")
    kept = gradient(x, up, down, again=False)
    made_again = gradient(x, up, down, again=True)
    return kept, made_again
