"""Optimizers that divide by the size of past gradients, with torch's defaults, and each rule as torch computes it."""

from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import optax

from jaxport.optimizers.checks import checked
from jaxport.optimizers.parts import Mask, Number, Rate, Setting, downhill, is_off, scheduled, steps_of


@checked()
def rmsprop(
    learning_rate: Rate = 1e-2,
    alpha: Number = 0.99,
    eps: Number = 1e-8,
    weight_decay: Setting = 0.0,
    momentum: Setting = 0.0,
    centered: bool = False,
    maximize: bool = False,
    mask: Mask = None,
) -> optax.GradientTransformationExtraArgs:
    """RMSprop. torch decays by .99 where nothing is said and adds epsilon outside the root, ``optax.rmsprop`` by .9 and
    inside; and there the learning rate stands before the momentum, here after it.

    Source: https://optax.readthedocs.io/en/latest/api/optimizers.html#optax.rmsprop
    """
    scale = optax.scale_by_stddev if centered else optax.scale_by_rms
    rule = scheduled(scale, decay=alpha, eps=eps, eps_in_sqrt=False)
    if not is_off(momentum):
        rule = optax.chain(rule, scheduled(optax.trace, decay=momentum))
    return downhill(rule, learning_rate, weight_decay, maximize=maximize, mask=mask)


@checked()
def adagrad(
    learning_rate: Rate = 1e-2,
    lr_decay: Number = 0.0,
    weight_decay: Setting = 0.0,
    initial_accumulator_value: Number = 0.0,
    eps: Number = 1e-10,
    maximize: bool = False,
    mask: Mask = None,
) -> optax.GradientTransformationExtraArgs:
    """Adagrad. torch starts from 0 and adds epsilon outside the root; ``optax.adagrad`` starts from .1 and adds it
    inside, which no setting of it changes.

    Source: https://docs.pytorch.org/docs/stable/generated/torch.optim.Adagrad.html
    """
    rule = scheduled(_scale_by_sum, lr_decay=lr_decay, initial=initial_accumulator_value, eps=eps)
    return downhill(rule, learning_rate, weight_decay, maximize=maximize, mask=mask)


@checked()
def adadelta(
    learning_rate: Rate = 1.0,
    rho: Number = 0.9,
    eps: Number = 1e-6,
    weight_decay: Setting = 0.0,
    maximize: bool = False,
    mask: Mask = None,
) -> optax.GradientTransformationExtraArgs:
    """Adadelta. ``optax.adadelta`` has no default for the learning rate; both sides add the decay to the gradient.

    Source: https://optax.readthedocs.io/en/latest/api/optimizers.html#optax.adadelta
    """
    rule = scheduled(optax.scale_by_adadelta, rho=rho, eps=eps)
    return downhill(rule, learning_rate, weight_decay, maximize=maximize, mask=mask)


@checked()
def adafactor(
    learning_rate: Rate = 1e-2,
    beta2_decay: Number = -0.8,
    eps1: Number | None = None,
    eps2: Number = 1e-3,
    d: Number = 1.0,
    weight_decay: Number = 0.0,
    maximize: bool = False,
) -> optax.GradientTransformation:
    """Adafactor. torch caps the rate at ``1 / sqrt(step)``, factors every matrix along its last two axes, whatever its
    size, and multiplies the decay by the learning rate; ``optax.adafactor`` does none of the three.

    Args:
        eps1: the least second moment's root; the dtype's machine epsilon where it is None.

    Source: https://docs.pytorch.org/docs/stable/generated/torch.optim.Adafactor.html
    """
    given = {"beta2_decay": beta2_decay, "eps1": eps1, "eps2": eps2, "d": d, "weight_decay": weight_decay}
    rule = scheduled(_adafactor, learning_rate=learning_rate, **given)
    return optax.chain(optax.scale(-1.0), rule) if maximize else rule


class _SumState(NamedTuple):
    """How many gradients there were, and the sum of their squares."""

    count: jax.Array  # type: ignore[assignment]  # a tuple's own method
    sum: Any


def _scale_by_sum(lr_decay: Number, initial: Number, eps: Number) -> optax.GradientTransformation:
    """``optax.scale_by_rss`` with epsilon outside the root, and a rate that falls with the count."""

    def init(params: Any) -> _SumState:
        return _SumState(jnp.zeros([], jnp.int32), optax.tree.full_like(params, initial))

    def update(updates: Any, state: _SumState, params: Any = None) -> tuple[Any, _SumState]:
        total = jax.tree.map(lambda s, g: s + g * g, state.sum, updates)
        updates = jax.tree.map(lambda g, s: g / (jnp.sqrt(s) + eps), updates, total)
        if not is_off(lr_decay):
            share = 1 / (1 + steps_of(state.count) * lr_decay)
            updates = jax.tree.map(lambda g: g * share.astype(g.dtype), updates)
        return updates, _SumState(optax.safe_increment(state.count), total)

    return optax.GradientTransformation(init, update)


class _AdafactorState(NamedTuple):
    """Second moments: of an array with two axes or more their means along the last and the last but one (each with
    that axis kept, of length 1), of any other array themselves. What an array does not have is empty."""

    count: jax.Array  # type: ignore[assignment]  # a tuple's own method
    row_var: Any
    col_var: Any
    variance: Any


def _adafactor(
    learning_rate: Setting, beta2_decay: Number, eps1: Number | None, eps2: Number, d: Number, weight_decay: Number
) -> optax.GradientTransformation:
    def init(params: Any) -> _AdafactorState:
        def zeros(one: jax.Array, axis: int | None) -> jax.Array:
            if (one.ndim > 1) != (axis is not None):
                return jnp.zeros((0,), one.dtype)
            return jnp.zeros_like(one if axis is None else one.sum(axis, keepdims=True))

        kept = (jax.tree.map(lambda one, axis=axis: zeros(one, axis), params) for axis in (-1, -2, None))
        return _AdafactorState(jnp.zeros([], jnp.int32), *kept)

    def update(updates: Any, state: _AdafactorState, params: Any = None) -> tuple[Any, _AdafactorState]:
        count = optax.safe_increment(state.count)
        step = steps_of(count)
        share, rate = step**beta2_decay, jnp.minimum(learning_rate, 1 / jnp.sqrt(step))

        def one(g: jax.Array, row: jax.Array, col: jax.Array, var: jax.Array, p: jax.Array) -> tuple[jax.Array, ...]:
            least = jnp.finfo(p.dtype).eps if eps1 is None else eps1

            def moved(old: jax.Array, new: jax.Array) -> jax.Array:
                return old + share.astype(g.dtype) * (new - old)

            if g.ndim > 1:
                row = moved(row, jnp.mean(g * g, axis=-1, keepdims=True))
                col = moved(col, jnp.mean(g * g, axis=-2, keepdims=True))
                moment = row * col / jnp.maximum(row.mean(axis=-2, keepdims=True), least)
            else:
                moment = var = moved(var, g * g)
            way = g * jax.lax.rsqrt(jnp.maximum(moment, least * least))
            size = jnp.sqrt(jnp.mean(way * way))
            step_size = jnp.maximum(eps2, jnp.sqrt(jnp.mean(p * p))) * rate.astype(g.dtype) / jnp.maximum(1.0, size / d)
            return -step_size * way - learning_rate * weight_decay * p, row, col, var

        made = jax.tree.map(one, updates, state.row_var, state.col_var, state.variance, params)
        updates, row_var, col_var, variance = jax.tree.transpose(
            jax.tree.structure(updates), jax.tree.structure((0, 0, 0, 0)), made
        )
        return updates, _AdafactorState(count, row_var, col_var, variance)

    return optax.GradientTransformation(init, update)
