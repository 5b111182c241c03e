"""Rematerialization: activations computed again in the backward pass, where memory is dearer than time."""

import jax
import jax.numpy as jnp
from jax.extend.core import ClosedJaxpr, Jaxpr
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

    def runs(program: Jaxpr | ClosedJaxpr) -> int:
        inner = [one for eqn in program.eqns for one in jax.tree.leaves(eqn.params)]  # what scan and checkpoint hold
        below = sum(runs(one) for one in inner if isinstance(one, Jaxpr | ClosedJaxpr))
        return below + sum(eqn.primitive.name == "tanh" for eqn in program.eqns)  # one in each block

    traced = jax.make_jaxpr(jax.grad(loss_of), static_argnums=1)
    gradient = jax.jit(jax.grad(loss_of), static_argnames="again")
    plain, rematerialized = gradient(params, again=False), gradient(params, again=True)
    runs_plain, runs_again = runs(traced(params, False)), runs(traced(params, True))
    kept = bytes_kept(lambda params: loss_of(params, again=False), params, [x])
    kept_again = bytes_kept(lambda params: loss_of(params, again=True), params, [x])
    return {
        "gradient": plain["up"],
        "gradient with checkpoints": rematerialized["up"],
        "runs of each block": (runs_plain, runs_again),
        "bytes kept": kept,
        "bytes kept with checkpoints": kept_again,
        "a third of the bytes or less": kept_again <= kept / 3,
    }
