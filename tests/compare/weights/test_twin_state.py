"""States are walked field by field, and parameters that are kept in a tree are not taken for states."""

import jax.numpy as jnp
import numpy as np
import optax

from compare.weights.twin_state import walked

USERS_MODELS = True  # optax's Adam does not run under strict promotion


def test_every_field_is_met_with_its_owner():
    """In chains, groups and injected settings; the order is the state's."""
    params = {"a": jnp.ones(2), "b": (jnp.ones(1), jnp.ones(1))}
    inner = optax.chain(optax.scale_by_adam(), optax.scale_by_schedule(lambda _: 1.0))
    state = optax.partition({"x": inner, "y": optax.set_to_zero()}, {"a": "x", "b": "y"}).init(params)
    met = []
    walked(state, lambda owner, field, value: met.append((type(owner).__name__, field)) or value)
    assert met == [("ScaleByAdamState", name) for name in ("count", "mu", "nu")] + [("ScaleByScheduleState", "count")]


def test_what_is_filled_in_is_what_comes_out():
    """In the same structure."""
    state = optax.adam(optax.constant_schedule(0.1)).init({"w": jnp.ones(2)})
    made = walked(state, lambda owner, field, value: 7 if field == "count" else value)
    assert (made[0].count, made[1].count) == (7, 7)
    np.testing.assert_array_equal(made[0].mu["w"], state[0].mu["w"])
