"""What torch's optimizers do around their rule, as a chain of optax's parts; and settings that follow a schedule.

torch has all of this inside each optimizer. In optax an optimizer is a chain, and what stands where in it decides what
it computes: a decay before the rule is L2, the same decay after it is decoupled.
"""

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import optax

Number = float | int | jax.Array
Setting = Number | optax.Schedule  # the same in every step, or a function of its number
Rate = Setting | Any  # a number, a schedule, or a schedule with a state (``reduce_lr_on_plateau``)
Mask = Any  # a tree of booleans over the parameters, or a function that makes one


def downhill(
    rule: optax.GradientTransformation,
    learning_rate: Rate,
    weight_decay: Setting = 0.0,
    decoupled: bool = False,
    maximize: bool = False,
    mask: Mask = None,
) -> optax.GradientTransformationExtraArgs:
    """``rule`` between sign, weight decay and learning rate, in torch's order: the sign turns before the decay."""
    decay = [] if is_off(weight_decay) else [optax.add_decayed_weights(weight_decay, mask)]
    return optax.chain(
        *([optax.scale(-1.0)] if maximize else []),
        *([] if decoupled else decay),
        rule,
        *(decay if decoupled else []),
        by_rate(learning_rate),
    )


def by_rate(learning_rate: Rate) -> optax.GradientTransformation:
    """``optax.scale_by_learning_rate``, which takes no schedule that has a state: that is injected."""
    if hasattr(learning_rate, "update"):
        return optax.inject_hyperparams(optax.scale_by_learning_rate)(learning_rate)
    return optax.scale_by_learning_rate(learning_rate)


def scheduled(factory: Callable[..., optax.GradientTransformation], **given: object) -> optax.GradientTransformation:
    """``factory(**given)``; where something given is a schedule, with its value in each step."""
    constants = [name for name, one in given.items() if isinstance(one, type) or not callable(one)]
    if len(constants) == len(given):
        return factory(**given)
    return optax.inject_hyperparams(factory, static_args=constants)(**given)


def is_off(setting: object) -> bool:
    """Whether it is the number 0, and no schedule or traced value that may be it."""
    return isinstance(setting, int | float) and setting == 0


def wide(schedule: optax.Schedule) -> optax.Schedule:
    """``schedule``, asked with a floating count, float64 under x64.

    Given an integer, several of optax's compute in float32 even there, and are then 2e-8 to 1e-6 off.
    """
    return lambda count: schedule(jnp.asarray(count, float))


def corrected(moments: Any, decay: Number, step: jax.Array) -> Any:
    """Moments that began at 0, as if they had not. ``optax.tree.bias_correction`` takes no integer count under strict
    promotion."""
    share = 1 - decay**step
    return jax.tree.map(lambda one: one / share.astype(one.dtype), moments)


def steps_of(count: Number) -> jax.Array:
    """A count as a floating number, float64 under x64."""
    return jnp.asarray(count, float)
