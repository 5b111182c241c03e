"""What of JAX is counted outside a lesson: bytes that wait for a backward pass, and programs that were compiled."""

from collections import Counter
from collections.abc import Callable, Iterable
from functools import wraps

import jax
from jax import Array


def bytes_kept(forward: Callable[..., Array], params: object, held: Iterable[Array]) -> int:
    """Bytes of the residuals that ``jax.vjp`` keeps, beyond the arrays that the caller holds anyway."""
    _, pull_back = jax.vjp(forward, params)  # a tree, whose leaves are the residuals
    memory = {leaf.unsafe_buffer_pointer(): leaf.nbytes for leaf in jax.tree.leaves(pull_back)}
    return sum(memory.values()) - sum(
        memory.get(one.unsafe_buffer_pointer(), 0) for one in [*jax.tree.leaves(params), *held]
    )


class Compiled:
    """``jax.jit`` that counts programs, by the name of the function: Python runs once for each."""

    def __init__(self) -> None:
        self.programs: Counter[str] = Counter()

    def __call__(self, function: Callable[..., Array]) -> Callable[..., Array]:
        @wraps(function)
        def traced(*arguments: Array) -> Array:
            self.programs[function.__name__] += 1
            return function(*arguments)

        return jax.jit(traced)
