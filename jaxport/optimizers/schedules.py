"""Learning rates that change: functions of the step, each the twin of one of torch's schedulers.

torch's schedulers write into the optimizer, in factors of its learning rate; optax's schedules are the learning rate.
All count from 0: the rate of the first step is ``schedule(0)``.
"""

from math import pi
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import optax

from jaxport.optimizers.checks import LIMITS, Limit, check, checked
from jaxport.optimizers.parts import Number, steps_of, wide


@checked()
def constant_lr(learning_rate: Number, factor: Number = 1 / 3, total_iters: int = 5) -> optax.Schedule:
    """``learning_rate * factor`` for ``total_iters`` steps, and ``learning_rate`` from there on.

    With ``total_iters=0`` it stays at the first, as in torch, which takes the factor back in step ``total_iters`` only.
    """
    if total_iters <= 0:
        return lambda _: learning_rate * factor
    return optax.join_schedules([lambda _: learning_rate * factor, lambda _: learning_rate], [total_iters])


def step_lr(learning_rate: Number, step_size: int, gamma: Number = 0.1) -> optax.Schedule:
    """Times ``gamma`` every ``step_size`` steps.

    ``optax.exponential_decay(staircase=True)`` divides by the step size, which compiled is a product with its
    reciprocal: with 107 the rate falls a step late, and that is rounding at its worst place.
    """
    return lambda count: learning_rate * gamma ** steps_of(count // step_size)


def multi_step_lr(learning_rate: Number, milestones: tuple[int, ...], gamma: Number = 0.1) -> optax.Schedule:
    """Times ``gamma`` at each of ``milestones``; a milestone that is named twice counts twice, as torch counts it."""
    return wide(optax.piecewise_constant_schedule(learning_rate, {m: gamma ** milestones.count(m) for m in milestones}))


@checked()
def linear_lr(
    learning_rate: Number, start_factor: Number = 1 / 3, end_factor: Number = 1.0, total_iters: int = 5
) -> optax.Schedule:
    """A line between two factors of the learning rate; ``optax.linear_schedule`` takes rates."""
    if total_iters <= 0:
        return lambda _: learning_rate * start_factor

    def schedule(count: Number) -> jax.Array:
        gone = jnp.clip(steps_of(count), 0, total_iters)
        return learning_rate * ((total_iters - gone) * start_factor + gone * end_factor) / total_iters

    return schedule


def exponential_lr(learning_rate: Number, gamma: Number) -> optax.Schedule:
    """Times ``gamma`` in every step. ``optax.exponential_decay`` takes a rate of 0 for none at all."""
    return lambda count: learning_rate * gamma ** steps_of(count)


def polynomial_lr(learning_rate: Number, total_iters: int = 5, power: Number = 1.0) -> optax.Schedule:
    """Down to 0 in ``total_iters`` steps.

    ``optax.polynomial_schedule`` takes the share that is gone from 1, and compiled what is left may be below 0 at its
    end: with a power of .5 not a number, in float32.
    """
    if total_iters <= 0:
        return lambda _: learning_rate

    def schedule(count: Number) -> jax.Array:
        left = total_iters - jnp.clip(steps_of(count), 0, total_iters)
        return learning_rate * (left / total_iters) ** power

    return schedule


def cosine_annealing_lr(learning_rate: Number, t_max: int, eta_min: Number = 0.0) -> optax.Schedule:
    """Half a cosine down to ``eta_min`` in ``t_max`` steps, and up again after them.

    ``optax.cosine_decay_schedule`` stays at its end, and its ``alpha`` is a share of the learning rate.
    """

    def schedule(count: Number) -> jax.Array:
        return eta_min + (learning_rate - eta_min) * (1 + jnp.cos(pi * steps_of(count) / t_max)) / 2

    return schedule


@checked()
def cosine_annealing_warm_restarts(
    learning_rate: Number, t_0: int, t_mult: int = 1, eta_min: Number = 0.0
) -> optax.Schedule:
    """Half a cosine down in ``t_0`` steps, and again from the top in ``t_mult`` times as many, and so on.

    ``optax.sgdr_schedule`` wants each span spelt out.
    """
    lengths = [t_0 * t_mult**place for place in range(1 if t_mult == 1 else 32)]
    starts = np.cumsum([0, *lengths[:-1]], dtype=float)

    def schedule(count: Number) -> jax.Array:
        step = steps_of(count)
        span = jnp.searchsorted(starts, step, side="right") - 1
        length = jnp.asarray(lengths, float)[span]
        share = (step - jnp.asarray(starts)[span]) % length / length
        return eta_min + (learning_rate - eta_min) * (1 + jnp.cos(pi * share)) / 2

    return schedule


@checked()
def one_cycle_lr(
    max_lr: Number,
    total_steps: int,
    pct_start: Number = 0.3,
    anneal_strategy: str = "cos",
    base_momentum: Number = 0.85,
    max_momentum: Number = 0.95,
    div_factor: Number = 25.0,
    final_div_factor: Number = 1e4,
    three_phase: bool = False,
) -> tuple[optax.Schedule, optax.Schedule]:
    """The learning rate, up to ``max_lr`` and down to nearly nothing; and the momentum, down and up meanwhile.

    In torch a phase ends a step earlier than in ``optax.cosine_onecycle_schedule``, and the momentum goes along. Past
    step ``total_steps``, where torch raises, both are NaN.
    """
    low, turn = max_lr / div_factor, pct_start * total_steps - 1
    ends, rates = [turn, total_steps - 1], [low, max_lr, low / final_div_factor]
    momenta = [max_momentum, base_momentum, max_momentum]
    if three_phase:
        ends, rates = [turn, 2 * pct_start * total_steps - 2, total_steps - 1], [low, max_lr, low, rates[-1]]
        momenta = [*momenta, max_momentum]

    def through(values: list[Number]) -> optax.Schedule:
        def schedule(count: Number) -> jax.Array:
            step = steps_of(count)
            phase = jnp.searchsorted(jnp.asarray(ends[:-1], float), step, side="left")
            begin, end = jnp.asarray([0.0, *ends[:-1]])[phase], jnp.asarray(ends, float)[phase]
            share, at = (step - begin) / (end - begin), jnp.asarray(values)
            gone = (1 - jnp.cos(pi * share)) / 2 if anneal_strategy == "cos" else share
            return jnp.where(step > total_steps, jnp.nan, at[phase] + (at[phase + 1] - at[phase]) * gone)

        return schedule

    return through(rates), through(momenta)


@checked()
def warmup_then_cosine(
    learning_rate: Number, warmup: int, t_max: int, start_factor: Number = 0.1, eta_min: Number = 0.0
) -> optax.Schedule:
    """A line up in ``warmup`` steps, then half a cosine down in ``t_max``.

    ``optax.warmup_cosine_decay_schedule`` counts the warm-up among its ``decay_steps``.
    """
    up = linear_lr(learning_rate, start_factor, 1.0, warmup)
    return optax.join_schedules([up, cosine_annealing_lr(learning_rate, t_max, eta_min)], [warmup])


class _PlateauState(NamedTuple):
    """The learning rate now, the best value so far, and how many were no better; steps left to cool down; how many
    values there were."""

    learning_rate: jax.Array
    best: jax.Array
    num_bad_epochs: jax.Array
    cooldown_counter: jax.Array
    last_epoch: jax.Array


class _Plateau(NamedTuple):
    learning_rate: Number
    mode: str = "min"
    factor: Number = 0.1
    patience: int = 10
    threshold: Number = 1e-4
    threshold_mode: str = "rel"
    cooldown: int = 0
    min_lr: Number = 0.0
    eps: Number = 1e-8


class reduce_lr_on_plateau(_Plateau):  # noqa: N801  # a schedule with a state, made like the functions above
    """Times ``factor`` where a value has not become better for more than ``patience`` times.

    ``optimizer.update(grads, state, params, value=loss)`` takes the value (None: it is not looked at in this step), and
    what follows from it is done in the next step. ``optax.contrib.reduce_on_plateau`` scales the very step, and its
    patience is one more.

    Source: https://docs.pytorch.org/docs/stable/generated/torch.optim.lr_scheduler.ReduceLROnPlateau.html
    """

    def __new__(cls, *args: Any, **kwargs: Any) -> "reduce_lr_on_plateau":
        """Its settings, by their place or name."""
        made = super().__new__(cls, *args, **kwargs)
        limits = {name: LIMITS[name] for name in ("mode", "threshold_mode")}
        check(cls.__name__, made._asdict(), {**limits, "factor": Limit("a number below 1", lambda given: given < 1)})
        return made

    def init(self) -> _PlateauState:
        """Before any value."""
        worst = jnp.asarray(jnp.inf if self.mode == "min" else -jnp.inf, float)
        none = jnp.zeros([], jnp.int32)
        return _PlateauState(jnp.asarray(self.learning_rate, float), worst, none, none, none)

    def __call__(self, state: _PlateauState, **_: object) -> jax.Array:
        """The learning rate of this step."""
        return state.learning_rate

    def update(self, state: _PlateauState, value: Number | None = None, **_: object) -> _PlateauState:
        """After a step whose ``value`` is known."""
        if value is None:
            return state
        value, sign = jnp.asarray(value, state.best.dtype), 1 if self.mode == "min" else -1
        less = sign * self.threshold
        limit = state.best * (1 - less) if self.threshold_mode == "rel" else state.best - less
        better = sign * value < sign * limit
        cooling = state.cooldown_counter > 0
        bad = jnp.where(better | cooling, 0, state.num_bad_epochs + 1)
        left = state.cooldown_counter - cooling
        lower = jnp.maximum(state.learning_rate * self.factor, self.min_lr)
        lower = jnp.where(state.learning_rate - lower > self.eps, lower, state.learning_rate)
        over = bad > self.patience
        return _PlateauState(
            jnp.where(over, lower, state.learning_rate),
            jnp.where(better, value, state.best),
            jnp.where(over, 0, bad),
            jnp.where(over, self.cooldown, left),
            state.last_epoch + 1,
        )
