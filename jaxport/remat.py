"""Rematerialization: activations computed again in the backward pass, where memory is dearer than time."""

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from jaxport.autograd import bytes_kept


def checkpointing(
    x: Float[Array, "batch width"],
    up: Float[Array, "layers width inner"],
    down: Float[Array, "layers inner width"],
) -> dict[str, object]:
    """Blocks that keep only their input: the backward pass runs each of them again."""
    params = {"up": up, "down": down}

    def block(h: Float[Array, "batch width"], layer: dict[str, Array]) -> tuple[Float[Array, "batch width"], None]:
        return h + jnp.tanh(h @ layer["up"]) @ layer["down"], None

    def loss_of(params: dict[str, Array], again: bool) -> Float[Array, ""]:
        h, _ = jax.lax.scan(jax.checkpoint(block) if again else block, x, params)  # one block for each layer
        return (h**2).mean()

    def runs(again: bool) -> int:
        program = jax.make_jaxpr(jax.grad(loss_of), static_argnums=1)(params, again)
        return str(program).count(" tanh ")  # the scans of forward and backward pass hold one block each

    gradient = jax.jit(jax.grad(loss_of), static_argnames="again")
    plain, again = gradient(params, again=False), gradient(params, again=True)
    return {
        "gradient": plain["up"],
        "gradient with checkpoints": again["up"],
        "runs of each block": (runs(again=False), runs(again=True)),
        "bytes kept": bytes_kept(lambda params: loss_of(params, again=False), params, [x]),
        "bytes kept with checkpoints": bytes_kept(lambda params: loss_of(params, again=True), params, [x]),
    }
