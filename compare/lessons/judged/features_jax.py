"""What is judged of jaxport/features.py."""

from collections.abc import Callable

import jax
import jax.numpy as jnp
import optax
from jax import Array

from compare.lessons.row import Quantities
from jaxport.features import LowMLP, Walked, low_mlp, walk
from jaxport.losses import cross_entropy


def class_weights(
    function: Callable[..., tuple[Array, Array]], logits: Array, labels: Array, weights: Array
) -> Quantities:
    """The loss and its gradient, the same from its rows, each part alone, and the mistake."""

    def rows(weights: Array, smoothing: float) -> Array:
        targets = optax.smooth_labels(jax.nn.one_hot(labels, logits.shape[1], dtype=logits.dtype), smoothing)
        return -(targets * weights * jax.nn.log_softmax(logits)).sum(axis=1)

    loss, gradient = function(logits, labels, weights)
    whole, ones = weights[labels].sum(), jnp.ones_like(weights)
    return {
        "loss": loss,
        "gradient": gradient,
        "rows over the weights of their labels": rows(weights, 0.1).sum() / whole,
        "rows averaged": rows(weights, 0.1).mean(),
        "weighted only": rows(weights, 0.0).sum() / whole,
        "smoothed only": rows(ones, 0.1).mean(),
        "weights of rows": (weights[labels] * rows(ones, 0.1)).sum() / whole,
    }


def mixed_precision(
    function: Callable[..., tuple[Array, optax.Params, optax.OptState]],
    x: Array,
    y: Array,
    W1: Array,
    b1: Array,
    W2: Array,
    b2: Array,
) -> Quantities:
    """Losses, a weight, and in which precision each thing is."""
    model, params = low_mlp(W1, b1, W2, b2)
    losses, after, state = function(model, params, x, y)
    inside, grads = jax.eval_shape(lambda p: (_inside(model, p, x), jax.grad(_loss(model, x, y))(p)), params)
    weight, moments = after["Dense_0"]["kernel"], optax.tree.get(state, "mu")["Dense_0"]["kernel"]
    kinds = {"weights": weight, "inside": inside, "loss": losses, "gradients": grads["Dense_0"]["kernel"]}
    kinds |= {"moments": moments}
    return {
        "losses": losses,
        "W1 after": weight.T,
        "dtypes": {name: str(one.dtype) for name, one in kinds.items()},
    }


def _loss(model: LowMLP, x: Array, y: Array) -> Callable[[optax.Params], Array]:
    def loss_of(params: optax.Params) -> Array:
        logits: Array = model.apply({"params": params}, x)  # type: ignore[assignment]  # nothing is mutable
        return cross_entropy(logits, y)

    return loss_of


def _inside(model: LowMLP, params: optax.Params, x: Array) -> Array:
    """What the first layer returns."""
    _, seen = model.apply({"params": params}, x, capture_intermediates=True, mutable=["intermediates"])
    return seen["intermediates"]["Dense_0"]["__call__"][0]


def loss_scaling(
    function: Callable[..., tuple[Array, Array]], x: Array, y: Array, W1: Array, b1: Array, W2: Array, b2: Array
) -> Quantities:
    """Which steps moved the weights, the scale after each, and the weight after the last."""
    scales, after = function(*low_mlp(W1, b1, W2, b2, jnp.float16), x, y)
    before = jnp.concatenate([W1.T[None], after[:-1]])
    return {
        "steps that moved": (before != after).any(axis=(1, 2)).tolist(),
        "scale, power of two": [round(power) for power in jnp.log2(scales).tolist()],
        "W1 after": after[-1].T,
    }


def early_stopping(function: Callable[..., tuple[Array, Array, Array, Array]], **arrays: Array) -> Quantities:
    """The losses, which epoch was the best, and the weights of the best, without a copy, and of the last."""
    losses, best, kept, last = function(**arrays)
    return {
        "held-out loss by epoch": losses,
        "epochs": len(losses),
        "best epoch": len(losses) - 3,
        "weights of the best": best,
        "weights that were kept without a copy": kept,
        "weights at the end": last,
    }


def adam_and_decay(function: Callable[..., tuple[Array, Array, Array]], w: Array) -> Quantities:
    """Where each leads, and where optax's own default does."""
    plain, in_gradient, beside = function(w)
    return {
        "Adam": plain,
        "Adam, decay 0.1": in_gradient,
        "AdamW, decay 0.1": beside,
        "AdamW as it comes": walk(w, optax.adamw(0.05)),
    }


def schedules(function: Callable[..., tuple[Walked, Walked, Walked]], w: Array) -> Quantities:
    """The rates, where they lead, and what optax's own cosine does."""
    stepped, warmed, past = function(w)
    return {
        "rates, a step": stepped[1],
        "rates, warm-up and cosine": warmed[1],
        "rates, a cosine past its end": past[1],
        "after a step": stepped[0],
        "after warm-up and cosine": warmed[0],
        "after a cosine past its end": past[0],
        "rates, optax's cosine past its end": jax.vmap(optax.cosine_decay_schedule(0.1, 20))(jnp.arange(30)),
    }
