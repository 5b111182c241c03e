"""What is put around an optimizer: clipping, groups of parameters, masks, accumulation, averaged weights."""

from collections.abc import Callable, Mapping
from typing import Any

import jax
import jax.numpy as jnp
import optax

from jaxport.optimizers.checks import checked
from jaxport.optimizers.parts import Mask, Number

Params = Any  # a tree of arrays


def clip_grad_norm(max_norm: Number, norm_type: float | str = 2.0) -> optax.GradientTransformation:
    """All gradients scaled by one number, so that their norm (of any order) is at most ``max_norm``.

    torch divides by the norm plus 1e-6; ``optax.clip_by_global_norm`` by the norm, which is the Euclidean one.

    Args:
        norm_type: the order, ``"inf"`` and ``float("inf")`` for the largest entry.
    """
    order = float(norm_type)

    def update(updates: Params, state: optax.EmptyState, params: Params = None) -> tuple[Params, optax.EmptyState]:
        norms = [jnp.linalg.norm(g.ravel(), order) for g in jax.tree.leaves(updates) if g.size]
        if not norms:  # a largest entry of none there is not
            return updates, state
        share = jnp.minimum(1.0, max_norm / (jnp.linalg.norm(jnp.stack(norms), order) + 1e-6))
        return jax.tree.map(lambda g: g * share.astype(g.dtype), updates), state

    return optax.GradientTransformation(optax.init_empty_state, update)


def clip_grad_value(clip_value: Number) -> optax.GradientTransformation:
    """Every entry of a gradient between ``-clip_value`` and ``clip_value``."""
    return optax.clip(clip_value)


def by_group(
    recipe: Callable[..., optax.GradientTransformation],
    labels: Any,
    settings: Mapping[str, Mapping[str, Any]],
    **shared: Any,
) -> optax.GradientTransformationExtraArgs:
    """One transformation for each group: ``recipe`` with what is ``shared`` and the group's own settings.

    Args:
        labels: a tree of group names over the parameters, or a function that makes one of them.
    """
    return optax.partition({name: recipe(**{**shared, **own}) for name, own in settings.items()}, labels)


def decayed(params: Params) -> Mask:
    """The mask of weights that decay: matrices do, biases and scales do not. ``adamw(mask=decayed)``."""
    return jax.tree.map(lambda one: jnp.ndim(one) > 1, params)


@checked()
def accumulate(optimizer: optax.GradientTransformation, every: int) -> optax.GradientTransformation:
    """A step with the mean of ``every`` gradients; in between, parameters stay as they are.

    ``optax.MultiSteps`` gathers in float32, and is 1e-9 off in float64; here it gathers in float64 where they are.
    """
    return _Gathering(optimizer, every).gradient_transformation()


@checked()
def ema(average: Params, params: Params, decay: Number = 0.999) -> Params:
    """The next average of the parameters over all steps, of weights that shrink by ``decay``. It starts as a copy of
    the parameters after the first step."""
    return optax.incremental_update(params, average, 1 - decay)


class _Gathering(optax.MultiSteps):
    """``optax.MultiSteps`` that gathers in the gradients' precision."""

    def __init__(self, optimizer: optax.GradientTransformation, every: int) -> None:
        super().__init__(optimizer, every)
        self._given = optimizer, every

    def _of(self, tree: Params) -> optax.MultiSteps:
        wide = any(leaf.dtype == jnp.float64 for leaf in jax.tree.leaves(tree))
        return optax.MultiSteps(*self._given, accumulator_dtype=jnp.float64 if wide else jnp.float32)

    def init(self, params: Params) -> optax.MultiStepsState:
        return self._of(params).init(params)

    def update(self, updates: Params, state: Any, params: Params = None, **extra: Any) -> tuple[Params, Any]:
        return self._of(updates).update(updates, state, params, **extra)
