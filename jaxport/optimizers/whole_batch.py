"""Optimizers for gradients without noise, and the averaged one: each rule as torch computes it."""

from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import optax
from jax.flatten_util import ravel_pytree
from jax.typing import DTypeLike

from jaxport.optimizers.checks import FREE, checked
from jaxport.optimizers.parts import Mask, Number, Rate, Setting, downhill, scheduled, steps_of


@checked()
def rprop(
    learning_rate: Number = 1e-2,
    etaminus: Number = 0.5,
    etaplus: Number = 1.2,
    step_size_min: Number = 1e-6,
    step_size_max: Number = 50.0,
    maximize: bool = False,
) -> optax.GradientTransformation:
    """Resilient propagation: a step size for each entry, by the signs of its gradients alone.

    ``optax.rprop`` (0.2.8) returns the update of the step before, and its first is zero. On both sides the learning
    rate is the first step size and nothing else: a schedule of it would act on nothing.

    Source: https://docs.pytorch.org/docs/stable/generated/torch.optim.Rprop.html
    """
    rule = _rprop(learning_rate, etaminus, etaplus, step_size_min, step_size_max)
    return optax.chain(optax.scale(-1.0), rule) if maximize else rule


@checked()
def lbfgs(
    learning_rate: Rate = 1.0,
    tolerance_grad: Number = 1e-7,
    tolerance_change: Number = 1e-9,
    history_size: int = 100,
) -> optax.GradientTransformation:
    """L-BFGS of one iteration for each step: ``torch.optim.LBFGS(max_iter=1)``, without a line search.

    The first step is scaled by ``1 / sum|g|``, in ``optax.lbfgs`` by the norm; and where ``s . y`` is at most 1e-10
    torch does not remember the step. With more iterations one step of torch's asks for the gradient up to 25 times and
    stops by itself: no function of one gradient is its twin.

    Source: https://docs.pytorch.org/docs/stable/generated/torch.optim.LBFGS.html
    """
    given = {"tolerance_grad": tolerance_grad, "tolerance_change": tolerance_change, "history_size": history_size}
    return scheduled(_lbfgs, learning_rate=learning_rate, **given)


@checked(alpha=FREE)
def asgd(
    learning_rate: Rate = 1e-2,
    lambd: Number = 1e-4,
    alpha: Number = 0.75,
    t0: Number = 1e6,
    weight_decay: Setting = 0.0,
    maximize: bool = False,
    mask: Mask = None,
    scalar_dtype: DTypeLike = jnp.float32,
) -> optax.GradientTransformationExtraArgs:
    """SGD with a falling rate, and the average of its parameters from step ``t0`` on, which is kept apart from them (in
    the state's ``ax``). optax has no such optimizer.

    Args:
        scalar_dtype: in which the rate is kept: torch's default dtype, whatever the parameters'.

    Source: https://docs.pytorch.org/docs/stable/generated/torch.optim.ASGD.html
    """
    rule = scheduled(_asgd, learning_rate=learning_rate, lambd=lambd, alpha=alpha, t0=t0, scalar_dtype=scalar_dtype)
    return downhill(rule, -1.0, weight_decay, maximize=maximize, mask=mask)


class _RpropState(NamedTuple):
    """The gradients before, and the step sizes."""

    prev: Any
    step_size: Any


def _rprop(
    first: Number, etaminus: Number, etaplus: Number, step_size_min: Number, step_size_max: Number
) -> optax.GradientTransformation:
    def init(params: Any) -> _RpropState:
        return _RpropState(optax.tree.zeros_like(params), optax.tree.full_like(params, first))

    def update(updates: Any, state: _RpropState, params: Any = None) -> tuple[Any, _RpropState]:
        def size_of(size: jax.Array, sign: jax.Array) -> jax.Array:
            factor = jnp.where(sign > 0, etaplus, etaminus).astype(size.dtype)
            # A choice of two that are ready: XLA keeps that, where it would compute a clip once more in the update.
            # A sign that is NaN is neither, as in torch.
            return jnp.where((sign > 0) | (sign < 0), clipped(size * factor), clipped(size))

        def clipped(size: jax.Array) -> jax.Array:
            return jnp.clip(size, step_size_min, step_size_max)

        signs = jax.tree.map(lambda g, before: g * before, updates, state.prev)
        sizes = jax.tree.map(size_of, state.step_size, signs)
        moves = jax.tree.map(lambda g, sign, size: jnp.where(sign < 0, 0.0, -jnp.sign(g) * size), updates, signs, sizes)
        grads = jax.tree.map(lambda g, sign: jnp.where(sign < 0, 0.0, g), updates, signs)
        return moves, _RpropState(grads, sizes)

    return optax.GradientTransformation(init, update)


class _LbfgsState(NamedTuple):
    """What torch remembers, of the parameters as one vector of n entries.

    ``old_dirs`` and ``old_stps`` have shape (history_size, n) and are written in turn, the next into row ``head``
    modulo history_size; a row without a step is zero, and so is its ``ro``. ``d`` and ``t`` are the last direction and
    how far it was gone.
    """

    count: jax.Array  # type: ignore[assignment]  # a tuple's own method
    head: jax.Array
    d: jax.Array
    t: jax.Array
    old_dirs: jax.Array
    old_stps: jax.Array
    ro: jax.Array
    H_diag: jax.Array
    prev_flat_grad: jax.Array


def _lbfgs(
    learning_rate: Setting, tolerance_grad: Number, tolerance_change: Number, history_size: int
) -> optax.GradientTransformation:
    def init(params: Any) -> _LbfgsState:
        flat, _ = ravel_pytree(params)
        zeros, none = jnp.zeros_like(flat), jnp.zeros([], flat.dtype)
        history = jnp.zeros((history_size, flat.size), flat.dtype)
        ro = jnp.zeros(history_size, flat.dtype)
        nothing = jnp.zeros([], jnp.int32)
        return _LbfgsState(nothing, nothing, zeros, none, history, history, ro, none + 1, zeros)

    def update(updates: Any, state: _LbfgsState, params: Any = None) -> tuple[Any, _LbfgsState]:
        g, unravel = ravel_pytree(updates)
        y, s = g - state.prev_flat_grad, state.d * state.t
        ys = y @ s
        at_rest = jnp.abs(g).max() <= tolerance_grad  # torch leaves everything as it is
        held = (state.count > 0) & (ys > 1e-10) & ~at_rest
        at = state.head % history_size

        def written(rows: jax.Array, new: jax.Array) -> jax.Array:
            return rows.at[at].set(jnp.where(held, new, rows[at]))

        dirs, steps = written(state.old_dirs, y), written(state.old_stps, s)
        ro = written(state.ro, 1 / jnp.where(held, ys, 1.0))
        scale = jnp.where(held, ys / jnp.where(held, y @ y, 1.0), state.H_diag)
        head = state.head + held.astype(jnp.int32)
        newest_first = (head - 1 - jnp.arange(history_size, dtype=jnp.int32)) % history_size

        def back(q: jax.Array, row: jax.Array) -> tuple[jax.Array, jax.Array]:
            along = (steps[row] @ q) * ro[row]
            return q - along * dirs[row], along

        def forth(r: jax.Array, one: tuple[jax.Array, jax.Array]) -> tuple[jax.Array, None]:
            row, along = one
            return r + steps[row] * (along - (dirs[row] @ r) * ro[row]), None

        q, along = jax.lax.scan(back, -g, newest_first)
        d, _ = jax.lax.scan(forth, q * scale, (newest_first, along), reverse=True)
        t = jnp.asarray(learning_rate, g.dtype) * jnp.where(state.count == 0, jnp.minimum(1.0, 1 / jnp.abs(g).sum()), 1)
        count = jnp.where(at_rest, state.count, optax.safe_increment(state.count))
        moved = unravel(jnp.where(at_rest | (g @ d > -tolerance_change), 0.0, t * d))
        d, t, g = (jnp.where(at_rest, old, new) for old, new in ((state.d, d), (state.t, t), (state.prev_flat_grad, g)))
        return moved, _LbfgsState(count, head, d, t, dirs, steps, ro, scale, g)

    return optax.GradientTransformation(init, update)


class _AsgdState(NamedTuple):
    """The rate and the share of the next step, and the average of the parameters."""

    count: jax.Array  # type: ignore[assignment]  # a tuple's own method
    eta: jax.Array
    mu: jax.Array
    ax: Any


def _asgd(
    learning_rate: Setting, lambd: Number, alpha: Number, t0: Number, scalar_dtype: DTypeLike
) -> optax.GradientTransformation:
    def init(params: Any) -> _AsgdState:
        eta = jnp.asarray(learning_rate, scalar_dtype)
        return _AsgdState(jnp.zeros([], jnp.int32), eta, jnp.ones([], scalar_dtype), optax.tree.zeros_like(params))

    def update(updates: Any, state: _AsgdState, params: Any = None) -> tuple[Any, _AsgdState]:
        count = optax.safe_increment(state.count)
        step = steps_of(count)
        eta, mu = state.eta.astype(step.dtype), state.mu.astype(step.dtype)
        moves = jax.tree.map(lambda g, p: -(lambd * eta * p + eta * g).astype(p.dtype), updates, params)
        after = optax.apply_updates(params, moves)
        ax = jax.tree.map(lambda a, p: jnp.where(mu == 1, p, a + (p - a) * mu.astype(p.dtype)), state.ax, after)
        eta = learning_rate / (1 + lambd * learning_rate * step) ** alpha
        mu = 1 / jnp.maximum(1.0, step - t0)
        return moves, _AsgdState(count, eta.astype(scalar_dtype), mu.astype(scalar_dtype), ax)

    return optax.GradientTransformation(init, update)
