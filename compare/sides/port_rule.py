"""The port's optimizer apart from its model: the steps that it makes of recorded gradients, as one program."""

from collections.abc import Mapping
from typing import TYPE_CHECKING

import jax
import numpy as np
import optax
from jax import lax
from jax import numpy as jnp

from compare.arrays.arrays import from_jax, to_jax
from compare.sides.port_forward import Leaves, Tree
from compare.sides.rule_inputs import RuleInputs

if TYPE_CHECKING:
    from compare.sides.port import PortSide


def run_port_rule(side: "PortSide", inputs: RuleInputs, hyper: Mapping[str, float]) -> np.ndarray:
    """The parameters as they start and as each step leaves them, shape (steps + 1, M); 0 where the port has no entry.

    Raises:
        Exception: whatever the optimizer raises.
    """
    port, leaves = side.prepared.port, inputs.leaves
    still = {path for path, leaf in leaves.items() if not np.isin(leaf.entries, inputs.compared).any()}

    def tree(vector: jax.Array) -> Tree:
        """The vector as the tree that the optimizer works on."""
        parts: Leaves = {}
        for path, leaf in leaves.items():
            held = vector[leaf.entries] if leaf.entries.size else jnp.zeros(1, vector.dtype)
            parts[path] = held.reshape(leaf.shape)
        return port.tree(parts)

    def entries(params: Tree) -> jax.Array:
        flat = port.flat(params)
        return jnp.concatenate([flat[path].reshape(-1)[: leaf.entries.size] for path, leaf in leaves.items()])

    def walk(values: jax.Array, gradients: jax.Array, hyper: dict[str, float]) -> jax.Array:
        optimizer = side.optimizer(hyper)
        params = tree(values)

        def step(kept: tuple[Tree, Tree], gradient: jax.Array) -> tuple[tuple[Tree, Tree], jax.Array]:
            before, state = kept
            updates, state = optimizer.update(tree(gradient), state, before)
            flat = port.flat(optax.apply_updates(before, updates))
            unmoved = port.flat(before)
            after = port.tree({path: unmoved[path] if path in still else leaf for path, leaf in flat.items()})
            return (after, state), entries(after)

        _, after = lax.scan(step, (params, optimizer.init(params)), gradients)
        return jnp.concatenate([entries(params)[None], after])

    with side.x64():
        given = [to_jax(array, side.precision, side.placing.whole) for array in (inputs.values, inputs.gradients)]
        arrays = from_jax(jax.jit(side.replayed(walk))(*given, dict(hyper)))
    after = np.zeros((len(arrays), inputs.values.size))
    held = np.concatenate([leaf.entries for leaf in leaves.values()])
    after[:, held] = arrays
    return after
