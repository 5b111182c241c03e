"""The port's lessons on layers."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import errors
from flax import linen as nn

from jaxport.layers import Careful, Careless, modes

USERS_MODELS = True  # Flax's BatchNorm does not run under strict promotion


@pytest.mark.parametrize(("model", "obeys"), [(Careful(), True), (Careless(), False)])
def test_the_mode_reaches_the_layer_it_is_handed_to(model: nn.Module, obeys: bool) -> None:
    """In eval mode the one is the ReLU and needs no key, the other drops or, without a key, raises."""
    x = jnp.ones((50, 40))
    evaluated = model.apply({}, x, train=False, rngs={"dropout": jax.random.key(0)})
    assert bool(jnp.array_equal(evaluated, x)) is obeys
    if obeys:
        assert jnp.array_equal(model.apply({}, x, train=False), x)
    else:
        with pytest.raises(errors.InvalidRngError):
            model.apply({}, x, train=False)


def test_the_running_variance_is_the_biased_one() -> None:
    """n in the denominator: a tenth of it is taken in at each batch. torch would say 0.2."""
    x = jnp.array([[0.0], [2.0]])
    found = modes(x, jnp.ones((2, 1)), jnp.zeros(1), jnp.zeros(1), jax.random.key(0))
    np.testing.assert_allclose(np.asarray(found["running variance"]), [0.1], rtol=1e-6)
