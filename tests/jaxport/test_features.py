"""Features of training in JAX: the perceptron in low precision, the walk."""

import jax
import jax.numpy as jnp
import pytest

from jaxport.features import LowMLP, walk
from jaxport.optimizers import sgd, step_lr

USERS_MODELS = True  # optax's schedules do not run under strict promotion


@pytest.mark.parametrize("low", [jnp.bfloat16, jnp.float16])
def test_only_the_layers_are_low(low):
    """Weights, logits and gradients are float32; in float64 nothing is lowered."""
    model = LowMLP(5, 3, low)

    def kinds(x):
        variables = model.init(jax.random.key(0), x)
        logits, seen = model.apply(variables, x, capture_intermediates=True, mutable=["intermediates"])
        return variables["params"]["Dense_0"]["kernel"], seen["intermediates"]["Dense_0"]["__call__"][0], logits

    one = jax.eval_shape(kinds, jax.ShapeDtypeStruct((2, 6), jnp.float32))
    assert [each.dtype for each in one] == [jnp.float32, low, jnp.float32]
    with jax.enable_x64(True):
        wide = jax.eval_shape(kinds, jax.ShapeDtypeStruct((2, 6), jnp.float64))
        assert [each.dtype for each in wide[1:]] == [jnp.float64, jnp.float64]


def test_a_walk_goes_to_its_minimum():
    """Which is 1."""
    assert walk(jnp.zeros(2), sgd(step_lr(0.5, 10), 0.0)).tolist() == pytest.approx([1, 1], abs=1e-2)
