"""What a checkpoint saves on either side: bytes that wait for the backward pass where activations are made again."""

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

import jax
import numpy as np
from torch.utils.checkpoint import CheckpointPolicy, checkpoint, create_selective_checkpoint_contexts
from torch.utils.flop_counter import flop_registry

from compare.errors import swallowed
from compare.frameworks.steps.torch_costs import bytes_left
from compare.measure.contrast.ways.given_jax import JaxGiven
from compare.measure.contrast.ways.given_torch import TorchGiven


def _plain(loss: Callable) -> Callable:
    return loss


def _products_are_kept(_: Any, kernel: Any, *args: Any, **kwargs: Any) -> CheckpointPolicy:
    """What torch counts operations of is dear: a product, a convolution, attention."""
    dear = getattr(kernel, "overloadpacket", kernel) in flop_registry
    return CheckpointPolicy.MUST_SAVE if dear else CheckpointPolicy.PREFER_RECOMPUTE


def _but_products(loss: Callable) -> Callable:
    selective = partial(create_selective_checkpoint_contexts, _products_are_kept)
    return partial(checkpoint, loss, use_reentrant=False, context_fn=selective)


def _all(loss: Callable) -> Callable:
    return partial(checkpoint, loss, use_reentrant=False)


NOTHING, BUT_PRODUCTS, ALL = "nothing", "all but products", "all of the loss"
TORCH: Mapping[str, Callable[[Callable], Callable]] = {NOTHING: _plain, BUT_PRODUCTS: _but_products, ALL: _all}
JAX: Mapping[str, Callable[[Callable], Callable]] = {
    NOTHING: _plain,
    BUT_PRODUCTS: partial(jax.checkpoint, policy=jax.checkpoint_policies.dots_saveable),
    ALL: jax.checkpoint,
}


def torch_again(given: TorchGiven) -> dict[str, int | None]:
    """By what is made again the bytes that the forward pass leaves behind; run inside ``enable_grad``."""
    found: dict[str, int | None] = {}
    for what, around in TORCH.items():
        leaves = given.leaves()
        try:
            found[what] = bytes_left(partial(around(given.loss), leaves, given.inputs, given.targets))
        except Exception as error:  # what a checkpoint does not take
            swallowed(error)
            found[what] = None
    return found


def jax_again(given: JaxGiven, temporaries: Callable[[Any], int | None]) -> dict[str, tuple[int | None, int | None]]:
    """Likewise the bytes of the residuals, op by op, and of the compiled program; run inside the side's ``x64``.

    Args:
        temporaries: of a compiled program.
    """
    found: dict[str, tuple[int | None, int | None]] = {}
    args = (given.params, given.inputs, given.targets)
    ours = given.cotangents()
    anyway = {_memory(leaf) for leaf in jax.tree.leaves(args)}
    for what, around in JAX.items():
        loss = around(given.loss)
        try:
            pull_back = jax.vjp(lambda own, loss=loss: loss(own, *args[1:]), args[0])[1]
            leaves = [leaf for leaf in jax.tree.leaves(pull_back) if isinstance(leaf, jax.Array)]
            own = {_memory(leaf): leaf.nbytes for leaf in leaves if not any(_is(leaf, one) for one in ours)}
            kept = sum(size for memory, size in own.items() if memory not in anyway)
            found[what] = kept, temporaries(jax.jit(jax.value_and_grad(loss)).lower(*args).compile())
        except Exception as error:  # what a checkpoint does not take
            swallowed(error)
            found[what] = None, None
    return found


def _is(leaf: jax.Array, cotangent: np.ndarray) -> bool:
    """Whether a residual is what only the comparison multiplies an output by."""
    return leaf.size == cotangent.size and bool(np.array_equal(np.ravel(leaf), np.ravel(cotangent).astype(leaf.dtype)))


def _memory(leaf: Any) -> int:
    """Where an array lies; a random key says it nowhere."""
    plain = isinstance(leaf, jax.Array) and not jax.dtypes.issubdtype(leaf.dtype, jax.dtypes.extended)
    return leaf.unsafe_buffer_pointer() if plain and leaf.size else id(leaf)
