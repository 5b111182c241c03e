"""What was set in the state of ``optax.inject_hyperparams``, against what the transformation was made with."""

from typing import Any

import numpy as np

from compare.errors import UsageError
from compare.weights.twin_layout import Tree
from compare.weights.twin_state import State, walked


def check_injected(transformation: Any, params: Tree, state: State) -> None:
    """Whether ``inject_hyperparams`` goes on with the numbers that it was made with: others can be set in its state.

    Args:
        transformation: of optax's; anything without such a state passes.
        state: where it stands.

    Raises:
        UsageError: it goes on with another number.
    """
    import jax

    if not (injected := _injected(state)):
        return
    wide = any(str(getattr(leaf, "dtype", "")) == "float64" for leaf in jax.tree.leaves(state))
    with jax.enable_x64(wide or bool(jax.config.read("jax_enable_x64"))):
        fresh = _injected(transformation.init(params))
    for made, now in zip(fresh, injected, strict=False):
        for name in [name for name in made if name in now]:
            old, new = np.asarray(made[name]), np.asarray(now[name])
            if old.astype(new.dtype) != new and new.astype(old.dtype) != old:
                raise UsageError(
                    f'no twin: the state\'s hyperparams["{name}"] is {float(new):.6g}, and the transformation was made '
                    f"with {float(old):.6g}: make it with {name}={float(new):.6g}"
                )


def _injected(state: State) -> list[dict[str, Any]]:
    """The numbers in each state of ``inject_hyperparams``, without those that follow a schedule."""
    import jax

    found: list[dict[str, Any]] = []

    def look(owner: Any, field: str, value: Any) -> Any:
        if field == "hyperparams":
            following = getattr(owner, "hyperparams_states", {})
            found.append({name: one for name, one in value.items() if name not in following and np.ndim(one) == 0})
        return value

    walked(jax.tree.map(lambda leaf: leaf, state), look)  # which sorts its dictionaries, as jit does
    return found
