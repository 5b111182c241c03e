"""Schedules: the learning rates of four steps, by hand; and none in float32 under x64."""

import jax
import jax.numpy as jnp
import pytest

from jaxport.optimizers import (
    constant_lr,
    cosine_annealing_lr,
    cosine_annealing_warm_restarts,
    exponential_lr,
    linear_lr,
    multi_step_lr,
    one_cycle_lr,
    polynomial_lr,
    reduce_lr_on_plateau,
    step_lr,
    warmup_then_cosine,
)

USERS_MODELS = True  # optax's schedules do not run under strict promotion


@pytest.mark.parametrize(
    ("schedule", "rates"),
    [
        (constant_lr(0.7, 0.5, 2), [0.35, 0.35, 0.7, 0.7]),
        (constant_lr(0.7, 0.5, 0), [0.35, 0.35, 0.35, 0.35]),
        (step_lr(0.7, 2, 0.3), [0.7, 0.7, 0.21, 0.21]),
        (multi_step_lr(0.7, (1, 3, 3), 0.5), [0.7, 0.35, 0.35, 0.0875]),
        (linear_lr(0.7, 0.3, 1.0, 2), [0.21, 0.455, 0.7, 0.7]),
        (exponential_lr(0.7, 0.3), [0.7, 0.21, 0.063, 0.0189]),
        (linear_lr(0.7, 0.5, total_iters=0), [0.35, 0.35, 0.35, 0.35]),
        (exponential_lr(0.7, 0.0), [0.7, 0, 0, 0]),
        (polynomial_lr(0.7, 2), [0.7, 0.35, 0, 0]),
        (polynomial_lr(0.7, 0), [0.7, 0.7, 0.7, 0.7]),
        (cosine_annealing_lr(0.7, 2, 0.1), [0.7, 0.4, 0.1, 0.4]),
        (cosine_annealing_warm_restarts(0.7, 1, 2), [0.7, 0.7, 0.35, 0.7]),
        (one_cycle_lr(0.8, 4, 0.5, "linear", div_factor=2.0, final_div_factor=1.0)[0], [0.4, 0.8, 0.6, 0.4]),
        (one_cycle_lr(0.8, 4, 0.5)[1], [0.95, 0.85, 0.9, 0.95]),
        (warmup_then_cosine(0.7, 2, 2, 0.5), [0.35, 0.525, 0.7, 0.35]),
    ],
)
def test_the_rates_of_four_steps(schedule, rates):
    """In float64: the count is an int32, as optax counts."""
    with jax.enable_x64(True):
        seen = [float(schedule(jnp.asarray(step, jnp.int32))) for step in range(4)]
    assert seen == pytest.approx(rates, rel=1e-13, abs=1e-13)


def test_one_cycle_has_an_end():
    """Which torch steps on for once, and then raises."""
    rates = [float(one_cycle_lr(0.8, 4, 0.5)[0](step)) for step in (4, 5, 9)]
    assert [bool(jnp.isnan(rate)) for rate in rates] == [False, True, True]


@pytest.mark.parametrize(("mode", "values"), [("min", [1.0, 1.0, 1.0, 0.5]), ("max", [1.0, 1.0, 1.0, 2.0])])
def test_a_plateau_lowers_the_rate_of_the_next_step(mode, values):
    """After one value more than its patience without a better one; a better one starts anew."""
    schedule = reduce_lr_on_plateau(1.0, mode, factor=0.5, patience=1)
    state, seen = schedule.init(), []
    for value in values:
        seen.append(float(schedule(state)))
        state = schedule.update(state, value=value)
    assert seen == [1, 1, 1, 0.5]
    assert (float(state.best), int(state.num_bad_epochs), int(state.last_epoch)) == (values[-1], 0, 4)
    assert schedule.update(state) is state


@pytest.mark.parametrize("wide", [False, True])
@pytest.mark.parametrize("length", [3, 49, 107, 121, 394])
def test_a_compiled_schedule_turns_at_its_step(wide, length):
    """Where a quotient by the length is not to be rounded: the rate falls there, and is 0 at its end, no less."""
    with jax.enable_x64(wide):
        steps = jnp.asarray([length - 1, length, 2 * length - 1, 2 * length])
        fallen = jax.jit(jax.vmap(step_lr(1.0, length, 0.5)))(steps)
        assert fallen.tolist() == [1.0, 0.5, 0.5, 0.25]
        for down in (polynomial_lr(0.7, length, 0.5), linear_lr(0.7, 1.0, 0.0, length)):
            assert jax.jit(jax.vmap(down))(steps)[1:].tolist() == [0.0, 0.0, 0.0]
