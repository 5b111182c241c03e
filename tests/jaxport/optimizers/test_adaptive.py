"""RMSprop, Adagrad, Adadelta, Adafactor: one step by hand, and the state's size."""

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from jaxport.optimizers import adadelta, adafactor, adagrad, rmsprop

GRAD = np.array([4.0, -1.0])


def _first(optimizer: optax.GradientTransformation) -> np.ndarray:
    with jax.enable_x64(True):
        params = jnp.array([1.0, -2.0])
        updates, _ = optimizer.update(jnp.array(GRAD), optimizer.init(params), params)
        return np.asarray(updates)


@pytest.mark.parametrize(
    ("optimizer", "moved"),
    [
        (rmsprop(0.1, alpha=0.5, eps=0.1), -0.1 * GRAD / (np.sqrt(0.5 * GRAD**2) + 0.1)),
        (rmsprop(0.1, alpha=0.5, eps=0.1, centered=True), -0.1 * GRAD / (np.sqrt(0.25 * GRAD**2) + 0.1)),
        (adagrad(0.1, eps=0.1), -0.1 * np.sign(GRAD) / (1 + 0.1 / np.abs(GRAD))),
        (adagrad(0.1, initial_accumulator_value=9.0, eps=0.0), -0.1 * GRAD / np.sqrt(GRAD**2 + 9)),
        (adadelta(1.0, rho=0.5, eps=0.1), -GRAD * np.sqrt(0.1) / np.sqrt(0.5 * GRAD**2 + 0.1)),
        (adafactor(0.1), -0.1 * np.sqrt(2.5) * np.sign(GRAD)),
    ],
)
def test_the_first_step(optimizer, moved):
    """Epsilon outside the root but for Adadelta's; Adafactor by the parameter's own size."""
    np.testing.assert_allclose(_first(optimizer), moved, rtol=1e-14)


def test_adafactor_keeps_a_row_and_a_column():
    """Of a matrix, whatever its size; of a vector all."""
    state = adafactor().init({"matrix": jnp.zeros((3, 2)), "vector": jnp.zeros(4)})
    assert [leaf.shape for leaf in jax.tree.leaves(state[1:])] == [(3, 1), (0,), (1, 2), (0,), (0,), (4,)]
