"""What a real training loop has beside the five beats: weights of classes, low precision, schedules, an early stop."""

import math
from collections.abc import Callable

import jax
import jax.numpy as jnp
import optax
from flax import linen as nn
from jax.typing import DTypeLike
from jaxtyping import Array, Float, Int

from jaxport.losses import cross_entropy
from jaxport.optimizers import adam, adamw, cosine_annealing_lr, sgd, step_lr, warmup_then_cosine


class LowMLP(nn.Module):
    """The perceptron with its layers computed in ``low``; weights and logits stay as they are."""

    hidden: int = 128
    n_classes: int = 10
    low: DTypeLike = jnp.bfloat16

    @nn.compact
    def __call__(self, images: Float[Array, "batch *pixels"]) -> Float[Array, "batch classes"]:
        low = self.low if images.dtype == jnp.float32 else images.dtype  # as autocast, which leaves float64 as it is
        x = images.reshape(images.shape[0], math.prod(images.shape[1:]))
        x = nn.relu(nn.Dense(self.hidden, dtype=low)(x))  # param_dtype stays float32
        x = nn.Dense(self.n_classes, dtype=low)(x)
        return x.astype(images.dtype)  # exp and sum of the loss in bfloat16 would keep 8 bits


def class_weights(
    logits: Float[Array, "batch classes"], labels: Int[Array, "batch"], weights: Float[Array, "classes"]
) -> dict[str, object]:
    """Cross-entropy with weights of classes and smoothed labels: whose weight divides, and what is smoothed."""

    def rows_of(z: Float[Array, "batch classes"], weights: Float[Array, "classes"], smoothing: float) -> Array:
        targets = optax.smooth_labels(jax.nn.one_hot(labels, z.shape[1], dtype=z.dtype), smoothing)
        return -(targets * weights * jax.nn.log_softmax(z)).sum(axis=1)  # a weight for each class, not for each row

    def loss_of(z: Float[Array, "batch classes"]) -> Float[Array, ""]:
        return rows_of(z, weights, 0.1).sum() / weights[labels].sum()

    loss, gradient = jax.value_and_grad(loss_of)(logits)
    rows = rows_of(logits, weights, 0.1)
    by_rows = weights[labels] * rows_of(logits, jnp.ones_like(weights), 0.1)
    return {
        "loss": loss,
        "gradient": gradient,
        "rows over the weights of their labels": rows.sum() / weights[labels].sum(),
        "rows averaged": rows.mean(),
        "weighted only": rows_of(logits, weights, 0.0).sum() / weights[labels].sum(),
        "smoothed only": rows_of(logits, jnp.ones_like(weights), 0.1).mean(),
        "weights of rows": by_rows.sum() / weights[labels].sum(),
    }


def mixed_precision(
    x: Float[Array, "batch inputs"],
    y: Int[Array, "batch"],
    W1: Float[Array, "hidden inputs"],
    b1: Float[Array, "hidden"],
    W2: Float[Array, "classes hidden"],
    b2: Float[Array, "classes"],
) -> dict[str, object]:
    """Layers in bfloat16, weights, loss and optimizer in float32: eight steps of AdamW."""
    params = {"Dense_0": {"kernel": W1.T, "bias": b1}, "Dense_1": {"kernel": W2.T, "bias": b2}}
    model, optimizer = LowMLP(len(W1), len(W2)), adamw(1e-2)

    def loss_of(params: optax.Params) -> tuple[Array, Array]:
        logits, seen = model.apply({"params": params}, x, capture_intermediates=True, mutable=["intermediates"])
        return cross_entropy(logits, y), seen["intermediates"]["Dense_0"]["__call__"][0]

    def step(carry: tuple, _: None) -> tuple[tuple, tuple]:
        params, state = carry
        (loss, inside), grads = jax.value_and_grad(loss_of, has_aux=True)(params)
        updates, state = optimizer.update(grads, state, params)
        return (optax.apply_updates(params, updates), state), (loss, inside, grads["Dense_0"]["kernel"])

    ((params, state), (losses, inside, grads)) = jax.lax.scan(step, (params, optimizer.init(params)), length=8)
    weight, moments = params["Dense_0"]["kernel"], optax.tree.get(state, "mu")["Dense_0"]["kernel"]
    kinds = {"weights": weight, "inside": inside, "loss": losses, "gradients": grads, "moments": moments}
    return {
        "losses": losses,
        "W1 after": weight.T,
        "dtypes": {name: str(one.dtype) for name, one in kinds.items()},
    }


def loss_scaling(
    x: Float[Array, "batch inputs"],
    y: Int[Array, "batch"],
    W1: Float[Array, "hidden inputs"],
    b1: Float[Array, "hidden"],
    W2: Float[Array, "classes hidden"],
    b2: Float[Array, "classes"],
) -> dict[str, object]:
    """Layers in float16, whose gradients overflow until the loss's scale has come down: those steps are skipped."""
    params = {"Dense_0": {"kernel": W1.T, "bias": b1}, "Dense_1": {"kernel": W2.T, "bias": b2}}
    model, optimizer = LowMLP(len(W1), len(W2), jnp.float16), sgd(0.1)

    def loss_of(params: optax.Params) -> Array:
        logits: Array = model.apply({"params": params}, x)  # type: ignore[assignment]  # nothing is mutable
        return cross_entropy(logits, y)

    def step(carry: tuple, _: None) -> tuple[tuple, tuple]:
        params, state, scale, sound = carry
        scaled = jax.grad(lambda p: scale * loss_of(p))(params)
        grads = jax.tree.map(lambda g: g / scale, scaled)
        finite = jnp.stack([jnp.isfinite(g).all() for g in jax.tree.leaves(grads)]).all()
        updates, after = optimizer.update(grads, state, params)
        new = (optax.apply_updates(params, updates), after)
        params, state = jax.tree.map(lambda a, b: jnp.where(finite, a, b), new, (params, state))  # all or nothing
        sound = jnp.where(finite, sound + 1, 0)
        grown = jnp.where(sound == 3, scale * 2, scale)  # twice the scale after three sound steps
        scale, sound = jnp.where(finite, grown, scale / 2), jnp.where(sound == 3, 0, sound)
        return (params, state, scale, sound), (finite, jnp.log2(scale))

    begin: tuple = (params, optimizer.init(params), jnp.asarray(2.0**24, x.dtype), jnp.asarray(0))
    (params, *_), (moved, scales) = jax.lax.scan(step, begin, length=12)
    return {
        "steps that moved": moved.tolist(),
        "scale, power of two": [round(one) for one in scales.tolist()],
        "W1 after": params["Dense_0"]["kernel"].T,
    }


def early_stopping(
    x: Float[Array, "batch inputs"],
    y: Float[Array, "batch"],
    held_out: Float[Array, "validation inputs"],
    held_out_y: Float[Array, "validation"],
) -> dict[str, object]:
    """Training that stops where the held-out loss has not fallen for three epochs, with the weights of the best one."""
    params = {"weight": jnp.zeros((1, x.shape[1]), x.dtype), "bias": jnp.zeros(1, x.dtype)}
    optimizer = sgd(0.02)

    def loss_of(params: optax.Params, x: Array, y: Array) -> Array:
        return (((x @ params["weight"].T + params["bias"])[:, 0] - y) ** 2).mean()

    @jax.jit
    def epoch(params: optax.Params, state: optax.OptState) -> tuple[optax.Params, optax.OptState, Array]:
        updates, state = optimizer.update(jax.grad(loss_of)(params, x, y), state, params)
        params = optax.apply_updates(params, updates)
        return params, state, loss_of(params, held_out, held_out_y)

    state, best, lowest, waited, seen = optimizer.init(params), params, math.inf, 0, []
    for _ in range(40):
        params, state, loss = epoch(params, state)
        seen.append(loss)
        waited += 1
        if loss < lowest:
            lowest, waited, best = float(loss), 0, params  # a value: nothing moves it later
        if waited == 3:
            break
    return {
        "held-out loss by epoch": jnp.stack(seen),
        "epochs": len(seen),
        "best epoch": len(seen) - waited,
        "weights of the best": best["weight"],
        "weights that were kept without a copy": best["weight"],
        "weights at the end": params["weight"],
    }


def walk(w: Float[Array, "n"], optimizer: optax.GradientTransformation) -> Float[Array, "n"]:
    """Thirty steps down a function that is not quadratic."""
    slope = jax.grad(lambda w: jnp.log(jnp.cosh(w - 1)).sum())

    def step(carry: tuple, _: None) -> tuple[tuple, None]:
        w, state = carry
        updates, state = optimizer.update(slope(w), state, w)
        return (optax.apply_updates(w, updates), state), None

    return jax.lax.scan(step, (w, optimizer.init(w)), length=30)[0][0]


def adam_and_decay(w: Float[Array, "n"]) -> dict[str, object]:
    """Adam, with a weight decay in its gradient, and with one beside it."""
    return {
        "Adam": walk(w, adam(0.05)),
        "Adam, decay 0.1": walk(w, adam(0.05, weight_decay=0.1)),
        "AdamW, decay 0.1": walk(w, adamw(0.05, weight_decay=0.1)),
        "AdamW as it comes": walk(w, optax.adamw(0.05)),
    }


def schedules(w: Float[Array, "n"]) -> dict[str, object]:
    """Learning rates that change from step to step, and where they lead."""
    stepped, warmed, past = step_lr(0.1, 10), warmup_then_cosine(0.1, 5, 25), cosine_annealing_lr(0.1, 20)
    rates: Callable[[optax.Schedule], Array] = lambda one: jax.vmap(one)(jnp.arange(30))  # noqa: E731
    return {
        "rates, a step": rates(stepped),
        "rates, warm-up and cosine": rates(warmed),
        "rates, a cosine past its end": rates(past),
        "after a step": walk(w, sgd(stepped)),
        "after warm-up and cosine": walk(w, sgd(warmed)),
        "after a cosine past its end": walk(w, sgd(past)),
        "rates, optax's cosine past its end": rates(optax.cosine_decay_schedule(0.1, 20)),
    }
