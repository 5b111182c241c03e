"""What is judged of jaxport/remat.py."""

from collections.abc import Callable
from functools import partial

import jax
from jax import Array
from jax.extend.core import ClosedJaxpr, Jaxpr

from compare.lessons.judged.counted_jax import bytes_kept
from compare.lessons.row import Quantities
from jaxport.remat import deep_loss


def checkpointing(function: Callable[..., tuple[Array, Array]], x: Array, up: Array, down: Array) -> Quantities:
    """Both gradients, how often a block runs for each, and the bytes that wait."""
    plain, rematerialized = function(x, up, down)
    params = {"up": up, "down": down}
    traced = [
        jax.make_jaxpr(jax.grad(partial(deep_loss, again=again), argnums=1))(x, up, down) for again in (False, True)
    ]
    kept, kept_again = (
        bytes_kept(lambda params, again=again: deep_loss(x, **params, again=again), params, [x])
        for again in (False, True)
    )
    return {
        "gradient": plain,
        "gradient with checkpoints": rematerialized,
        "runs of each block": tuple(map(_tanhs, traced)),
        "bytes kept": kept,
        "bytes kept with checkpoints": kept_again,
        "a third of the bytes or less": kept_again <= kept / 3,
    }


def _tanhs(program: Jaxpr | ClosedJaxpr) -> int:
    """How many a program has, inside scan and checkpoint too: one in each block."""
    inner = [one for eqn in program.eqns for one in jax.tree.leaves(eqn.params)]
    below = sum(_tanhs(one) for one in inner if isinstance(one, Jaxpr | ClosedJaxpr))
    return below + sum(eqn.primitive.name == "tanh" for eqn in program.eqns)
