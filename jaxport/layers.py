"""Layers that act otherwise in training: dropout and batch norm, whose mode, key and state are arguments."""

from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import optax
from flax import linen as nn
from jaxtyping import Array, Float, Int, Key

from jaxport.losses import cross_entropy
from jaxport.mlp_regularized import RegularizedMLP

Tree = Any  # a tree of arrays


def modes(
    features: Float[Array, "batch features"], mean: Float[Array, "features"], variance: Float[Array, "features"]
) -> tuple[Float[Array, "batch features"], Float[Array, "batch features"], Array | None, Array | None]:
    """Batch norm in eval mode and in training mode: which statistics it uses, and which it returns.

    Returns:
        What it makes of the features in eval mode and in training mode, and the running mean and variance after both.
    """
    norm = nn.BatchNorm(momentum=0.9)  # what torch calls a momentum of 0.1
    params = {"scale": jnp.ones_like(mean), "bias": jnp.zeros_like(mean)}
    variables = {"params": params, "batch_stats": {"mean": mean, "var": variance}}
    evaluated = norm.apply(variables, features, use_running_average=True)  # by the running statistics
    # By the batch's own. Without mutable= this raises: in training there are new statistics to return.
    trained, moved = norm.apply(variables, features, use_running_average=False, mutable=["batch_stats"])
    running = moved["batch_stats"]  # a new tree: variables are as they were
    return evaluated, trained, running["mean"], running["var"]


def dropped(features: Float[Array, "batch features"], key: Key[Array, ""]) -> tuple[Array, Array]:
    """Dropout in training mode and in eval mode."""
    dropout = nn.Dropout(0.5)
    trained = dropout.apply({}, features, deterministic=False, rngs={"dropout": key})  # what is kept is doubled
    evaluated = dropout.apply({}, features, deterministic=True)  # the identity, and needs no key
    return trained, evaluated


@partial(jax.jit, static_argnames=("model", "optimizer"))
def epoch(
    model: nn.Module,
    optimizer: optax.GradientTransformation,
    variables: Tree,
    opt_state: optax.OptState,
    images: Float[Array, "batch channels height width"],
    labels: Int[Array, "batch"],
    key: Key[Array, ""],
) -> tuple[Tree, optax.OptState]:
    """Ten steps in training mode: the weights and the running statistics go in and come out."""

    def step(state: Tree, batch: Tree) -> tuple[Tree, None]:
        (variables, opt_state), (x, y, key) = state, batch

        def loss_of(params: Tree) -> tuple[Array, Tree]:
            given = {**variables, "params": params}
            logits, moved = model.apply(given, x, train=True, rngs={"dropout": key}, mutable=["batch_stats"])
            return cross_entropy(logits, y), moved

        grads, moved = jax.grad(loss_of, has_aux=True)(variables["params"])
        updates, opt_state = optimizer.update(grads, opt_state)
        return ({"params": optax.apply_updates(variables["params"], updates), **moved}, opt_state), None

    batches = images.reshape(10, -1, *images.shape[1:]), labels.reshape(10, -1), jax.random.split(key, 10)
    return jax.lax.scan(step, (variables, opt_state), batches)[0]


@partial(jax.jit, static_argnames=("model", "train"))
def accuracy(
    model: nn.Module,
    variables: Tree,
    images: Float[Array, "batch channels height width"],
    labels: Int[Array, "batch"],
    train: bool,
    key: Key[Array, ""],
) -> tuple[Float[Array, ""], Tree]:
    """The share of right guesses in batches of 5, in either mode, and the statistics as each batch moved them."""

    def forward(x: Array, key: Array) -> tuple[Array, Tree]:
        return model.apply(variables, x, train=train, rngs={"dropout": key}, mutable=["batch_stats"])

    batches = images.reshape(-1, 5, *images.shape[1:])
    logits, moved = jax.vmap(forward)(batches, jax.random.split(key, len(batches)))
    return (logits.argmax(axis=2).reshape(-1) == labels).mean(), moved


def forgotten_eval(
    images: Float[Array, "train channels height width"],
    labels: Int[Array, "train"],
    held_out: Float[Array, "validation channels height width"],
    held_out_labels: Int[Array, "validation"],
    key: Key[Array, ""],
) -> tuple[list[float], list[float], Tree]:
    """Validation accuracy after each epoch, in eval mode and with eval mode forgotten, on the same weights.

    Returns:
        Both accuracies after each of twelve epochs, and the model's variables.
    """
    model, (key, *keys) = RegularizedMLP(rate=0.8), jax.random.split(key, 13)
    optimizer = optax.adam(optax.cosine_decay_schedule(3e-3, 120))
    variables = jax.jit(model.init, static_argnames="train")(key, images[:1], train=False)
    variables = jax.tree.map(lambda leaf: leaf.astype(images.dtype), variables)
    opt_state = optimizer.init(variables["params"])
    right, forgotten = [], []
    for key in keys:
        variables, opt_state = epoch(model, optimizer, variables, opt_state, images, labels, key)
        # The statistics that this moves are returned as well, and dropped here: variables stay as they are.
        forgotten.append(accuracy(model, variables, held_out, held_out_labels, True, key)[0].item())
        right.append(accuracy(model, variables, held_out, held_out_labels, False, key)[0].item())
    return right, forgotten, variables


class Careful(nn.Module):
    """ReLU and dropout. The mode is an argument, handed on to the one layer that has a mode."""

    @nn.compact
    def __call__(self, x: Float[Array, "batch features"], train: bool) -> Float[Array, "batch features"]:
        return nn.Dropout(0.5, deterministic=not train)(nn.relu(x))


class Careless(nn.Module):
    """The same with the mode written into the layer: it drops in eval mode too."""

    @nn.compact
    def __call__(self, x: Float[Array, "batch features"], train: bool) -> Float[Array, "batch features"]:
        return nn.Dropout(0.5, deterministic=False)(nn.relu(x))  # not train is missing


def object_and_function(
    features: Float[Array, "batch features"], key: Key[Array, ""]
) -> tuple[tuple[Array, Array], tuple[Array, Array]]:
    """Two evaluations with dropout that is handed the mode, and two with dropout whose mode is written into the layer.

    Returns:
        The two outputs of the one, which are equal, and the two of the other, which are not.
    """
    one, other = ({"dropout": key} for key in jax.random.split(key))
    careful, careless = Careful(), Careless()
    right = tuple(careful.apply({}, features, train=False, rngs=rngs) for rngs in (one, other))
    wrong = tuple(careless.apply({}, features, train=False, rngs=rngs) for rngs in (one, other))  # raises without rngs
    return right, wrong


def eight_steps(features: Float[Array, "batch features"], key: Key[Array, ""]) -> tuple[Array, Array]:
    """What dropout keeps in eight steps: with a key for each of them, and with one key for all."""
    model, keys = Careful(), jax.random.split(key, 8)
    moving = jnp.stack([model.apply({}, features, train=True, rngs={"dropout": one}) for one in keys])
    stuck = []
    for _ in range(8):
        stuck.append(model.apply({}, features, train=True, rngs={"dropout": keys[0]}))  # the same units dropped
    return moving, jnp.stack(stuck)
