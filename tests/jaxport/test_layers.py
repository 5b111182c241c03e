"""The port's lessons on layers."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import errors
from flax import linen as nn

from jaxport.layers import Careful, Careless, dropped, eight_steps, modes

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
    *_, mean, variance = modes(x, jnp.zeros(1), jnp.zeros(1))
    np.testing.assert_allclose(np.asarray(variance), [0.1], rtol=1e-6)
    np.testing.assert_allclose(np.asarray(mean), [0.1], rtol=1e-6)


def test_one_key_for_all_steps_draws_one_mask() -> None:
    """And a key for each draws others."""
    moving, stuck = eight_steps(jnp.ones((4, 16)), jax.random.key(0))
    assert (stuck == stuck[0]).all()
    assert not (moving == moving[0]).all()


def test_dropout_doubles_what_it_keeps_and_is_the_identity_in_eval() -> None:
    """Half of the numbers go, more or less."""
    x = jnp.ones((50, 40))
    trained, evaluated = dropped(x, jax.random.key(0))
    assert set(np.unique(trained).tolist()) == {0.0, 2.0}
    assert jnp.array_equal(evaluated, x)
