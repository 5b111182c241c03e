"""Adam and its relatives, with torch's defaults, and each rule as torch computes it."""

from math import log
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import optax
from jax.typing import DTypeLike

from jaxport.optimizers.checks import checked
from jaxport.optimizers.parts import Mask, Number, Rate, Setting, corrected, downhill, scheduled, steps_of


@checked()
def adam(
    learning_rate: Rate = 1e-3,
    b1: Setting = 0.9,
    b2: Number = 0.999,
    eps: Number = 1e-8,
    weight_decay: Setting = 0.0,
    amsgrad: bool = False,
    decoupled_weight_decay: bool = False,
    maximize: bool = False,
    mask: Mask = None,
) -> optax.GradientTransformationExtraArgs:
    """Adam. A weight decay is added to the gradient (L2), as ``torch.optim.Adam`` has it; ``optax.adam`` has none.

    With ``amsgrad`` torch takes the maximum of the raw second moment, ``optax.amsgrad`` of the corrected one: they part
    in the second step. Epsilon stands outside the root on both sides.

    Source: https://optax.readthedocs.io/en/latest/api/optimizers.html#optax.adam
    """
    rule = scheduled(_scale_by_raw_amsgrad if amsgrad else optax.scale_by_adam, b1=b1, b2=b2, eps=eps)
    return downhill(rule, learning_rate, weight_decay, decoupled_weight_decay, maximize, mask)


@checked()
def adamw(
    learning_rate: Rate = 1e-3,
    b1: Setting = 0.9,
    b2: Number = 0.999,
    eps: Number = 1e-8,
    weight_decay: Setting = 1e-2,
    amsgrad: bool = False,
    maximize: bool = False,
    mask: Mask = None,
) -> optax.GradientTransformationExtraArgs:
    """Adam with decoupled weight decay. ``optax.adamw`` decays by 1e-4 where nothing is said, torch by 1e-2.

    Source: https://optax.readthedocs.io/en/latest/api/optimizers.html#optax.adamw
    """
    return adam(learning_rate, b1, b2, eps, weight_decay, amsgrad, True, maximize, mask)


@checked()
def adamax(
    learning_rate: Rate = 2e-3,
    b1: Setting = 0.9,
    b2: Number = 0.999,
    eps: Number = 1e-8,
    weight_decay: Setting = 0.0,
    maximize: bool = False,
    mask: Mask = None,
) -> optax.GradientTransformationExtraArgs:
    """Adam by the largest gradient. torch adds a weight decay to the gradient, ``optax.adamaxw`` decouples it.

    Source: https://optax.readthedocs.io/en/latest/api/optimizers.html#optax.adamax
    """
    rule = scheduled(optax.scale_by_adamax, b1=b1, b2=b2, eps=eps)
    return downhill(rule, learning_rate, weight_decay, maximize=maximize, mask=mask)


@checked()
def nadam(
    learning_rate: Rate = 2e-3,
    b1: Setting = 0.9,
    b2: Number = 0.999,
    eps: Number = 1e-8,
    weight_decay: Setting = 0.0,
    momentum_decay: Number = 4e-3,
    decoupled_weight_decay: bool = False,
    maximize: bool = False,
    mask: Mask = None,
    scalar_dtype: DTypeLike = jnp.float32,
) -> optax.GradientTransformationExtraArgs:
    """Adam with Nesterov momentum, which torch warms up from half of ``b1``; ``optax.nadam`` holds it constant.

    Args:
        scalar_dtype: in which the product of all momenta is kept: torch's default dtype, whatever the parameters'.

    Source: https://docs.pytorch.org/docs/stable/generated/torch.optim.NAdam.html
    """
    rule = scheduled(_scale_by_nadam, b1=b1, b2=b2, eps=eps, momentum_decay=momentum_decay, scalar_dtype=scalar_dtype)
    return downhill(rule, learning_rate, weight_decay, decoupled_weight_decay, maximize, mask)


@checked()
def radam(
    learning_rate: Rate = 1e-3,
    b1: Setting = 0.9,
    b2: Number = 0.999,
    eps: Number = 1e-8,
    weight_decay: Setting = 0.0,
    decoupled_weight_decay: bool = False,
    maximize: bool = False,
    mask: Mask = None,
) -> optax.GradientTransformationExtraArgs:
    """Adam that waits until its second moment can be trusted. torch adds epsilon to the root of the uncorrected moment,
    optax to the corrected one's; in float32 optax's first rectified steps are off by 1e-2, these as little as torch's.

    Source: https://optax.readthedocs.io/en/latest/api/optimizers.html#optax.radam
    """
    rule = scheduled(_scale_by_radam, b1=b1, b2=b2, eps=eps)
    return downhill(rule, learning_rate, weight_decay, decoupled_weight_decay, maximize, mask)


class _RawAmsgradState(NamedTuple):
    """As ``optax.ScaleByAmsgradState``, with the largest uncorrected moment."""

    count: jax.Array  # type: ignore[assignment]  # a tuple's own method
    mu: Any
    nu: Any
    nu_max: Any


def _scale_by_raw_amsgrad(b1: Setting, b2: Number, eps: Number) -> optax.GradientTransformation:
    def init(params: Any) -> _RawAmsgradState:
        mu, nu, nu_max = (optax.tree.zeros_like(params) for _ in range(3))
        return _RawAmsgradState(jnp.zeros([], jnp.int32), mu, nu, nu_max)

    def update(updates: Any, state: _RawAmsgradState, params: Any = None) -> tuple[Any, _RawAmsgradState]:
        count = optax.safe_increment(state.count)
        mu = optax.tree.update_moment(updates, state.mu, b1, 1)
        nu = optax.tree.update_moment_per_elem_norm(updates, state.nu, b2, 2)
        nu_max = jax.tree.map(jnp.maximum, state.nu_max, nu)
        step = steps_of(count)
        # Both corrections are numbers: as torch has them, no moment is divided entry by entry but once.
        of_mu, of_nu = 1 / (1 - b1**step), 1 / jnp.sqrt(1 - b2**step)
        updates = jax.tree.map(
            lambda m, v: of_mu.astype(m.dtype) * m / (jnp.sqrt(v) * of_nu.astype(v.dtype) + eps), mu, nu_max
        )
        return updates, _RawAmsgradState(count, mu, nu, nu_max)

    return optax.GradientTransformation(init, update)


class _NadamState(NamedTuple):
    """As ``optax.ScaleByAdamState``, with the product of all momenta so far."""

    count: jax.Array  # type: ignore[assignment]  # a tuple's own method
    mu_product: jax.Array
    mu: Any
    nu: Any


def _scale_by_nadam(
    b1: Setting, b2: Number, eps: Number, momentum_decay: Number, scalar_dtype: DTypeLike
) -> optax.GradientTransformation:
    def init(params: Any) -> _NadamState:
        mu, nu = optax.tree.zeros_like(params), optax.tree.zeros_like(params)
        return _NadamState(jnp.zeros([], jnp.int32), jnp.ones([], scalar_dtype), mu, nu)

    def update(updates: Any, state: _NadamState, params: Any = None) -> tuple[Any, _NadamState]:
        count = optax.safe_increment(state.count)
        step = steps_of(count)
        now, following = (b1 * (1.0 - 0.5 * 0.96 ** (one * momentum_decay)) for one in (step, step + 1))
        kept = state.mu_product * now.astype(scalar_dtype)
        product = kept.astype(step.dtype)
        mu = optax.tree.update_moment(updates, state.mu, b1, 1)
        nu = optax.tree.update_moment_per_elem_norm(updates, state.nu, b2, 2)
        nu_hat = corrected(nu, b2, step)
        of_gradient, of_moment = (1 - now) / (1 - product), following / (1 - product * following)
        updates = jax.tree.map(
            lambda g, m, v: (of_gradient.astype(g.dtype) * g + of_moment.astype(g.dtype) * m) / (jnp.sqrt(v) + eps),
            updates,
            mu,
            nu_hat,
        )
        return updates, _NadamState(count, kept, mu, nu)

    return optax.GradientTransformation(init, update)


def _scale_by_radam(b1: Setting, b2: Number, eps: Number) -> optax.GradientTransformation:
    """``optax.scale_by_radam`` with an epsilon that is corrected with the moment, and as exact in float32."""

    def update(updates: Any, state: Any, params: Any = None) -> tuple[Any, Any]:
        count = optax.safe_increment(state.count)
        step = steps_of(count)
        mu = optax.tree.update_moment(updates, state.mu, b1, 1)
        nu = optax.tree.update_moment_per_elem_norm(updates, state.nu, b2, 2)
        length, correction = _averaged(step, b2)
        longest = 2 / (1 - b2) - 1
        share = (length - 4) * (length - 2) * longest / ((longest - 4) * (longest - 2) * length)
        factor = jnp.sqrt(jnp.maximum(share, 0.0) * correction)
        updates = jax.tree.map(
            lambda m, v: jnp.where(length > 5, m * factor.astype(m.dtype) / (jnp.sqrt(v) + eps), m),
            corrected(mu, b1, step),
            nu,
        )
        return updates, optax.ScaleByAdamState(count, mu, nu)

    return optax.GradientTransformation(optax.scale_by_radam(b1, b2).init, update)


def _averaged(step: jax.Array, b2: Number) -> tuple[jax.Array, jax.Array]:
    """Over how many steps the second moment averages, and 1 - b2^step.

    The first, 2 / (1 - b2) - 1 - 2 step b2^step / (1 - b2^step), is a small difference of large numbers in the first
    steps. Float32 leaves two digits of it, so there it is summed as a series.
    """
    if step.dtype == jnp.float64:
        correction = 1 - b2**step
        return 2 / (1 - b2) - 1 - 2 * step * b2**step / correction, correction
    rate = -(log(b2) if isinstance(b2, float | int) else jnp.log(b2))
    decay = step * rate
    series = step * (1 - decay / 6 + decay**3 / 360 - decay**5 / 15120) + rate / 6
    far = 2 / (1 - b2) - 1 - 2 * step / jnp.expm1(decay)
    return jnp.where(decay < 0.2, series, far), -jnp.expm1(-decay)
