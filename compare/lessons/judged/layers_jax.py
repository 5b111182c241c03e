"""What is judged of jaxport/layers.py."""

from collections.abc import Callable

import jax
import jax.numpy as jnp
from flax import errors
from flax import linen as nn
from jax import Array

from compare.lessons.judged.said import refused
from compare.lessons.row import Quantities
from jaxport.layers import Careless, Tree, accuracy, dropped, eight_steps
from jaxport.mlp_regularized import RegularizedMLP

Pair = tuple[Array, Array]


def modes(
    function: Callable[..., tuple[Array, Array, Array, Array]],
    features: Array, mask: Array, mean: Array, variance: Array, key: Array,
) -> Quantities:  # fmt: skip
    """Batch norm in both modes and what it returns; dropout in both, what it draws, and what either refuses."""
    evaluated, trained, running_mean, running = function(features, mean, variance)
    one, other = jax.random.split(key)
    (first, kept), (second, _), (again, _) = (dropped(features, each) for each in (one, other, one))
    params = {"scale": jnp.ones_like(mean), "bias": jnp.zeros_like(mean)}
    variables = {"params": params, "batch_stats": {"mean": mean, "var": variance}}
    return {
        "batch norm, eval": evaluated,
        "batch norm, training": trained,
        "running mean": running_mean,
        "running variance": running,
        "running variance, from the biased one": running,
        "dropout, training, mask given": features * mask / (1 - 0.5),  # what is kept is scaled up
        "dropout scales what it keeps": bool(jnp.array_equal(first, jnp.where(first == 0, 0, features / 0.5))),
        "dropout, eval, is the identity": bool(jnp.array_equal(kept, features)),
        "two draws agree": bool(jnp.array_equal(first, second)),
        "one seed draws one mask": bool(jnp.array_equal(first, again)),
        "dropout, training, drawn": first,
        "statistics not mutable": refused(
            lambda: nn.BatchNorm().apply(variables, features, use_running_average=False),
            errors.ModifyScopeVariableError,
        ),
        "no key": refused(lambda: nn.Dropout(0.5).apply({}, features, deterministic=False), errors.InvalidRngError),
    }


def forgotten_eval(
    function: Callable[..., tuple[list[float], list[float], Tree]],
    images: Array, labels: Array, held_out: Array, held_out_labels: Array, key: Array,
) -> Quantities:  # fmt: skip
    """The curves, how they swing, and three passes more over the last weights in either mode."""
    right, forgotten, variables = function(images, labels, held_out, held_out_labels, key)
    model, keys = RegularizedMLP(rate=0.8), jax.random.split(key, 13)[1:]
    statistics = jax.device_get(variables["batch_stats"])  # before three passes more in either mode

    def share(train: bool, key: Array) -> float:
        return accuracy(model, variables, held_out, held_out_labels, train, key)[0].item()

    again, forgotten_again = ([share(train, key) for key in keys[:3]] for train in (False, True))
    still = jax.tree.map(jnp.array_equal, variables["batch_stats"], statistics)
    swing, swing_forgotten = (max(late) - min(late) for late in (right[6:], forgotten[6:]))
    return {
        "accuracy by epoch": jnp.array(right),
        "accuracy by epoch, forgotten": jnp.array(forgotten),
        "training accuracy": accuracy(model, variables, images, labels, False, key)[0].item(),
        "swing of the last six epochs": swing,
        "swing of the last six epochs, forgotten": swing_forgotten,
        "swings more when forgotten": swing_forgotten > swing,
        "lower when forgotten": max(forgotten[6:]) < min(right[6:]),
        "same weights, same accuracy": len({right[-1], *again}) == 1,
        "same weights, same accuracy, forgotten": len({forgotten[-1], *forgotten_again}) == 1,
        "validation moved the statistics": not all(jax.tree.leaves(still)),
    }


def object_and_function(function: Callable[..., tuple[Pair, Pair]], features: Array, key: Array) -> Quantities:
    """Whether two evaluations agree, what is refused without a key, and which units are used in eight steps."""
    right, wrong = function(features, key)
    moving, stuck = eight_steps(features, key)
    return {
        "ReLU as an object": nn.Sequential([nn.relu]).apply({}, features),  # Flax has the function alone
        "ReLU as a function": nn.relu(features),
        "careful, evaluated": right[0],
        "careful, two evaluations agree": bool(jnp.array_equal(*right)),
        "careless, two evaluations agree": bool(jnp.array_equal(*wrong)),
        "careless, evaluated without a key": refused(
            lambda: Careless().apply({}, features, train=False), errors.InvalidRngError
        ),
        "steps that use a unit, of 8": (moving[:, 0] != 0).sum(axis=0),
        "steps that use a unit, of 8, one seed": (stuck[:, 0] != 0).sum(axis=0),
        "one mask in 8 steps": bool((moving == moving[0]).all()),
        "one mask in 8 steps, one seed": bool((stuck == stuck[0]).all()),
    }
