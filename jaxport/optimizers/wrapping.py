"""What is put around an optimizer: clipping, groups of parameters, masks, accumulation, averaged weights."""

from collections.abc import Callable, Mapping
from typing import Any

import jax
import jax.numpy as jnp
import optax

from jaxport.optimizers.parts import Mask, Number

Params = Any  # a tree of arrays


def clip_grad_norm(max_norm: Number, norm_type: Number = 2.0) -> optax.GradientTransformation:
    """All gradients scaled by one number, so that their norm (of any order) is at most ``max_norm``.

    torch divides by the norm plus 1e-6; ``optax.clip_by_global_norm`` by the norm, which is the Euclidean one.
    """

    def update(updates: Params, state: optax.EmptyState, params: Params = None) -> tuple[Params, optax.EmptyState]:
        norms = [jnp.linalg.norm(g.ravel(), norm_type) for g in jax.tree.leaves(updates)]
        share = jnp.minimum(1.0, max_norm / (jnp.linalg.norm(jnp.stack(norms), norm_type) + 1e-6))
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


def accumulate(optimizer: optax.GradientTransformation, every: int) -> optax.GradientTransformation:
    """A step with the mean of ``every`` gradients; in between, parameters stay as they are."""
    return optax.MultiSteps(optimizer, every).gradient_transformation()


def ema(average: Params, params: Params, decay: Number = 0.999) -> Params:
    """The next average of the parameters over all steps, of weights that shrink by ``decay``. It starts as a copy of
    the parameters after the first step."""
    return optax.incremental_update(params, average, 1 - decay)
