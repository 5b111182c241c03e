"""Optimizers of the port, every hyper-parameter spelt out: the two frameworks' defaults differ."""

import jax
import optax


def sgd(
    learning_rate: optax.ScalarOrSchedule = 0.1, momentum: jax.typing.ArrayLike = 0.9
) -> optax.GradientTransformation:
    """Stochastic gradient descent with momentum: ``v = momentum * v + g``, then ``w = w - learning_rate * v``.

    Source: https://optax.readthedocs.io/en/latest/api/optimizers.html#optax.sgd
    """
    return optax.sgd(learning_rate, momentum=momentum, nesterov=False)
