"""Layers that act otherwise in training: dropout and batch norm, whose mode, key and state are arguments."""

from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import optax
from flax import errors
from flax import linen as nn
from jaxtyping import Array, Float, Int, Key

from jaxport.losses import cross_entropy
from jaxport.mlp_regularized import RegularizedMLP

Tree = Any  # a tree of arrays


def modes(
    features: Float[Array, "batch features"],
    mask: Float[Array, "batch features"],
    mean: Float[Array, "features"],
    variance: Float[Array, "features"],
    key: Key[Array, ""],
) -> dict[str, object]:
    """Training mode and eval mode of batch norm and of dropout: what each uses, moves and draws."""
    norm = nn.BatchNorm(momentum=0.9)  # what torch calls a momentum of 0.1
    params = {"scale": jnp.ones_like(mean), "bias": jnp.zeros_like(mean)}
    variables = {"params": params, "batch_stats": {"mean": mean, "var": variance}}
    evaluated = norm.apply(variables, features, use_running_average=True)  # by the running statistics
    trained, moved = norm.apply(variables, features, use_running_average=False, mutable=["batch_stats"])
    running = moved["batch_stats"]  # a new tree: variables are as they were
    try:
        norm.apply(variables, features, use_running_average=False)
    except errors.ModifyScopeVariableError as error:
        not_mutable = str(error)

    dropout = nn.Dropout(0.5)
    train, evaluate = (jax.jit(partial(dropout.apply, {}, deterministic=still)) for still in (False, True))
    one, other = jax.random.split(key)
    first, second = (train(features, rngs={"dropout": each}) for each in (one, other))
    again = train(features, rngs={"dropout": one})
    try:
        train(features)
    except errors.InvalidRngError as error:
        no_key = str(error)
    return {
        "batch norm, eval": evaluated,
        "batch norm, training": trained,
        "running mean": running["mean"],
        "running variance": running["var"],
        "running variance, from the biased one": running["var"],
        "dropout, training, mask given": features * mask / (1 - dropout.rate),  # what is kept is scaled up
        "dropout scales what it keeps": bool(jnp.array_equal(first, jnp.where(first == 0, 0, features / 0.5))),
        "dropout, eval, is the identity": bool(jnp.array_equal(evaluate(features), features)),
        "two draws agree": bool(jnp.array_equal(first, second)),
        "one seed draws one mask": bool(jnp.array_equal(first, again)),
        "dropout, training, drawn": first,
        "statistics not mutable": not_mutable,
        "no key": no_key,
    }


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
) -> dict[str, object]:
    """Validation accuracy after each epoch, in eval mode and with eval mode forgotten, on the same weights."""
    right, forgotten = [], []
    model, (key, *keys) = RegularizedMLP(rate=0.8), jax.random.split(key, 13)
    optimizer = optax.adam(optax.cosine_decay_schedule(3e-3, 120))
    variables = jax.jit(model.init, static_argnames="train")(key, images[:1], train=False)
    variables = jax.tree.map(lambda leaf: leaf.astype(images.dtype), variables)
    opt_state = optimizer.init(variables["params"])
    for key in keys:
        variables, opt_state = epoch(model, optimizer, variables, opt_state, images, labels, key)
        forgotten.append(accuracy(model, variables, held_out, held_out_labels, True, key)[0].item())
        right.append(accuracy(model, variables, held_out, held_out_labels, False, key)[0].item())
    statistics = jax.device_get(variables["batch_stats"])  # before three passes more in either mode
    again = [accuracy(model, variables, held_out, held_out_labels, False, key)[0].item() for key in keys[:3]]
    forgotten_again = [accuracy(model, variables, held_out, held_out_labels, True, key)[0].item() for key in keys[:3]]

    still = jax.tree.map(jnp.array_equal, variables["batch_stats"], statistics)  # what moved was returned, and dropped
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


def object_and_function(features: Float[Array, "batch features"], key: Key[Array, ""]) -> dict[str, object]:
    """A layer as an object and as a function: the same numbers, until the layer has a mode to obey."""
    careful, careless = (jax.jit(partial(one.apply, {}), static_argnames="train") for one in (Careful(), Careless()))
    keys = [{"dropout": one} for one in jax.random.split(key, 8)]
    right = [careful(features, train=False, rngs=one) for one in keys[:2]]
    wrong = [careless(features, train=False, rngs=one) for one in keys[:2]]
    try:
        careless(features, train=False)
    except errors.InvalidRngError as error:
        refused = str(error)  # whoever evaluates without a key hears of it

    moving = jnp.stack([careful(features, train=True, rngs=one) for one in keys])
    stuck = jnp.stack([careful(features, train=True, rngs=keys[0]) for _ in keys])  # one key: the same units dropped
    return {
        "ReLU as an object": nn.Sequential([nn.relu]).apply({}, features),  # Flax has the function alone
        "ReLU as a function": nn.relu(features),
        "careful, evaluated": right[0],
        "careful, two evaluations agree": bool(jnp.array_equal(*right)),
        "careless, two evaluations agree": bool(jnp.array_equal(*wrong)),
        "careless, evaluated without a key": refused,
        "steps that use a unit, of 8": (moving[:, 0] != 0).sum(axis=0),
        "steps that use a unit, of 8, one seed": (stuck[:, 0] != 0).sum(axis=0),
        "one mask in 8 steps": bool((moving == moving[0]).all()),
        "one mask in 8 steps, one seed": bool((stuck == stuck[0]).all()),
    }
