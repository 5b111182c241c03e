"""Planted faults: each is a row that turns a sound pair into a faulty one, and says where it must show.

The network has a square weight (so a transpose keeps every shape) and a batch with labels of every class.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace

import jax
import optax
from jax import numpy as jnp

from compare.pair.pair import Optimizers, Pair
from tests.compare.networks import Architecture, network_pair

SQUARE = Architecture((24, 32, 32, 6), rows=20)


@dataclass(frozen=True)
class Fault:
    """A fault of the port. ``quantity`` is one that must be a mismatch, on ``probe`` of the pair ``pair``."""

    name: str
    plant: Callable[[Pair], Pair]
    quantity: str
    probe: str = "batch"
    pair: str = "square"


def square() -> Pair:
    """The sound pair that the faults are planted in."""
    return replace(network_pair(SQUARE), name="square")


def _port(change: Callable[[Callable], Callable]) -> Callable[[Pair], Pair]:
    return lambda pair: replace(pair, port=change(pair.port))


def _loss(loss: Callable) -> Callable[[Pair], Pair]:
    return lambda pair: replace(pair, loss=(pair.loss[0], loss))


def _optimizer(port: Callable) -> Callable[[Pair], Pair]:
    def plant(pair: Pair) -> Pair:
        own = pair.optimizers
        return replace(pair, optimizers=Optimizers(own.reference, port, own.hyper))

    return plant


def _on(name: str, change: Callable) -> Callable[[Pair], Pair]:
    """The parameter ``name`` changed before the port uses it."""
    return _port(lambda port: lambda params, x: port({**params, name: change(params[name])}, x))


def _clipped(port: Callable) -> Callable:
    return lambda params, x: jnp.clip(port(params, x), -4, 4)


def _leaky(port: Callable) -> Callable:
    def faulty(params, x):
        for i in range(SQUARE.layers):
            x = x @ params[f"W{i}"].T + params[f"b{i}"]
            x = jax.nn.leaky_relu(x, 0.01) if i < SQUARE.layers - 1 else x
        return x

    return faulty


def _cross_entropy(logits: jax.Array, labels: jax.Array) -> jax.Array:
    return optax.softmax_cross_entropy_with_integer_labels(logits, labels).mean()


def _wrong_axis(logits: jax.Array, labels: jax.Array) -> jax.Array:
    picked = jnp.take_along_axis(jax.nn.log_softmax(logits, axis=0), labels[:, None], axis=1)
    return -picked.mean()


@jax.custom_vjp
def _slightly_steep(x: jax.Array) -> jax.Array:
    return x


_slightly_steep.defvjp(lambda x: (x, None), lambda _, g: (g * (1 + 1e-5),))


def _stale(learning_rate: float, momentum: float) -> optax.GradientTransformation:
    """Plain SGD that never zeroes: each step takes the sum of all gradients so far, as torch without zero_grad()."""
    accumulate = optax.trace(decay=1.0)
    return optax.chain(accumulate, optax.trace(decay=momentum), optax.scale_by_learning_rate(learning_rate))


def _uphill(learning_rate: float, momentum: float) -> optax.GradientTransformation:
    return optax.sgd(-learning_rate, momentum)


def _nesterov(learning_rate: float, momentum: float) -> optax.GradientTransformation:
    return optax.sgd(learning_rate, momentum, nesterov=True)


def _decayed(learning_rate: float, momentum: float) -> optax.GradientTransformation:
    return optax.chain(optax.add_decayed_weights(1e-4), optax.sgd(learning_rate, momentum=momentum))


FAULTS = [
    Fault("square weight transposed", _on("W1", jnp.transpose), "output"),
    Fault("bias dropped", _on("b1", jnp.zeros_like), "output"),
    Fault("sum for mean", _loss(lambda z, y: optax.softmax_cross_entropy_with_integer_labels(z, y).sum()), "grad/W0"),
    Fault("softmax before cross-entropy", _loss(lambda z, y: _cross_entropy(jax.nn.softmax(z), y)), "loss"),
    Fault("wrong learning rate sign", _optimizer(_uphill), "update/W0"),
    Fault("stale gradient added", _optimizer(_stale), "step2/update/W0"),
    Fault("one layer's gradient times 1 + 1e-5", _on("W1", _slightly_steep), "grad/W1"),
    Fault("wrong axis", _loss(_wrong_axis), "loss"),
    Fault("labels shifted", _loss(lambda z, y: _cross_entropy(z, (y + 1) % z.shape[1])), "loss"),
    Fault("leaky ReLU for ReLU", _port(_leaky), "output"),
    Fault("weight decay where there is none", _optimizer(_decayed), "update/W0"),
    Fault("one row of the batch dropped", _loss(lambda z, y: _cross_entropy(z[1:], y[1:])), "grad/W0"),
    Fault("momentum in Nesterov's form", _optimizer(_nesterov), "update/W0"),
    Fault("bias gradient stopped", _on("b0", jax.lax.stop_gradient), "grad/b0"),
    Fault("logits clipped at 4", _port(_clipped), "output", probe="saturated"),
    Fault("inputs centred", _port(lambda port: lambda p, x: port(p, x - x.mean(0))), "output", probe="offset"),
]  # fmt: skip
