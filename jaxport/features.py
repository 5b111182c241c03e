"""What a real training loop has beside the five beats: weights of classes, low precision, schedules, an early stop."""

import math

import jax
import jax.numpy as jnp
import optax
from flax import linen as nn
from jax.typing import DTypeLike
from jaxtyping import Array, Float, Int

from jaxport.digits import Images, Labels
from jaxport.losses import cross_entropy
from jaxport.optimizers.scaling import LossScale, choose


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
) -> tuple[Float[Array, ""], Float[Array, "batch classes"]]:
    """Cross-entropy with weights of classes and smoothed labels: a mean over the weights of the labels.

    Returns:
        The loss, and its gradient by the logits.
    """
    targets = optax.smooth_labels(jax.nn.one_hot(labels, logits.shape[1], dtype=logits.dtype), 0.1)

    def loss_of(z: Float[Array, "batch classes"]) -> Float[Array, ""]:
        rows = -(targets * weights * jax.nn.log_softmax(z)).sum(axis=1)  # a weight for each class, not for each row
        return rows.sum() / weights[labels].sum()

    return jax.value_and_grad(loss_of)(logits)


def low_mlp(
    W1: Array, b1: Array, W2: Array, b2: Array, low: DTypeLike = jnp.bfloat16
) -> tuple[LowMLP, dict[str, dict[str, Array]]]:
    """A ``LowMLP`` and its parameters, of ``W1 (hidden, inputs)``, ``b1``, ``W2 (classes, hidden)``, ``b2``."""
    params = {"Dense_0": {"kernel": W1.T, "bias": b1}, "Dense_1": {"kernel": W2.T, "bias": b2}}
    return LowMLP(len(W1), len(W2), low), params


def mixed_precision(
    model: LowMLP, params: optax.Params, x: Float[Array, "batch inputs"], y: Int[Array, "batch"]
) -> tuple[Float[Array, "steps"], optax.Params, optax.OptState]:
    """Layers in bfloat16, weights, loss and optimizer in float32: eight steps of AdamW.

    Returns:
        The loss before each step, the parameters after the last, and the optimizer's state, float32 too.
    """
    optimizer = optax.adamw(1e-2, weight_decay=1e-2)

    def loss_of(params: optax.Params) -> Float[Array, ""]:
        return cross_entropy(model.apply({"params": params}, x), y)

    def step(carry: tuple, _: None) -> tuple[tuple, Float[Array, ""]]:
        params, state = carry
        loss, grads = jax.value_and_grad(loss_of)(params)
        updates, state = optimizer.update(grads, state, params)
        return (optax.apply_updates(params, updates), state), loss

    (params, state), losses = jax.lax.scan(step, (params, optimizer.init(params)), length=8)
    return losses, params, state


def loss_scaling(
    model: LowMLP, params: optax.Params, x: Float[Array, "batch inputs"], y: Int[Array, "batch"]
) -> tuple[Float[Array, "steps"], Float[Array, "steps inputs hidden"]]:
    """Layers in float16, whose gradients overflow until the loss's scale has come down: those steps are skipped.

    Returns:
        The scale after each of twelve steps, and the first layer's kernel after each.
    """
    optimizer = optax.sgd(0.1, momentum=0.9)

    def loss_of(params: optax.Params) -> Float[Array, ""]:
        return cross_entropy(model.apply({"params": params}, x), y)

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
        return (params, state, scale, sound), (scale, params["Dense_0"]["kernel"])

    begin = (params, optimizer.init(params), jnp.asarray(2.0**24, x.dtype), jnp.asarray(0))
    return jax.lax.scan(step, begin, length=12)[1]


def scaled_step(
    model: nn.Module, optimizer: optax.GradientTransformation, params: optax.Params,
    state: tuple[optax.OptState, LossScale], images: Images, labels: Labels,
) -> tuple[optax.Params, tuple[optax.OptState, LossScale], Float[Array, ""]]:  # fmt: skip
    """One step with layers in float16: a pure function. ``optimizer`` may clip: it is given unscaled gradients.

    Returns:
        Parameters, state of the optimizer and scale after the step, and the loss before it, without its scale.
    """
    inner, scaling = state

    def loss_of(params: optax.Params) -> tuple[Float[Array, ""], Float[Array, ""]]:
        loss = cross_entropy(model.apply({"params": params}, images), labels)
        return scaling.scaled(loss), loss

    scaled, loss = jax.grad(loss_of, has_aux=True)(params)
    grads, finite = scaling.unscaled(scaled)
    updates, after = optimizer.update(grads, inner, params)
    params, inner = choose(finite, (optax.apply_updates(params, updates), after), (params, inner))
    return params, (inner, scaling.adjusted(finite)), loss


def early_stopping(
    x: Float[Array, "batch inputs"],
    y: Float[Array, "batch"],
    held_out: Float[Array, "validation inputs"],
    held_out_y: Float[Array, "validation"],
) -> tuple[Float[Array, "epochs"], Float[Array, "1 inputs"], Float[Array, "1 inputs"], Float[Array, "1 inputs"]]:
    """Training that stops where the held-out loss has not fallen for three epochs.

    Returns:
        The held-out loss by epoch; the weights of the best epoch, those that were kept without a copy, and the last.
    """
    params = {"weight": jnp.zeros((1, x.shape[1]), x.dtype), "bias": jnp.zeros(1, x.dtype)}
    optimizer = optax.sgd(0.02, momentum=0.9)

    def loss_of(params: optax.Params, x: Array, y: Array) -> Array:
        return (((x @ params["weight"].T + params["bias"])[:, 0] - y) ** 2).mean()

    @jax.jit
    def epoch(params: optax.Params, state: optax.OptState) -> tuple[optax.Params, optax.OptState, Array]:
        updates, state = optimizer.update(jax.grad(loss_of)(params, x, y), state, params)
        params = optax.apply_updates(params, updates)
        return params, state, loss_of(params, held_out, held_out_y)

    state, best, lowest, waited, seen = optimizer.init(params), params, math.inf, 0, []
    while waited < 3:
        params, state, loss = epoch(params, state)
        seen.append(loss)
        waited += 1
        if loss < lowest:
            lowest, waited = float(loss), 0
            best = kept = params  # a value: nothing moves it later, and a copy would be no other
    return jnp.stack(seen), best["weight"], kept["weight"], params["weight"]


def walk(w: Float[Array, "n"], optimizer: optax.GradientTransformation) -> Float[Array, "n"]:
    """Thirty steps down a function that is not quadratic."""
    slope = jax.grad(lambda w: jnp.log(jnp.cosh(w - 1)).sum())

    def step(carry: tuple, _: None) -> tuple[tuple, None]:
        w, state = carry
        updates, state = optimizer.update(slope(w), state, w)
        return (optax.apply_updates(w, updates), state), None

    return jax.lax.scan(step, (w, optimizer.init(w)), length=30)[0][0]


def adam_and_decay(w: Float[Array, "n"]) -> tuple[Float[Array, "n"], Float[Array, "n"], Float[Array, "n"]]:
    """Where thirty steps lead by Adam, with a weight decay in its gradient, and with one beside it."""
    plain = walk(w, optax.adam(0.05))
    in_gradient = walk(w, optax.chain(optax.add_decayed_weights(0.1), optax.adam(0.05)))  # before the moments
    beside = walk(w, optax.adamw(0.05, weight_decay=0.1))
    return plain, in_gradient, beside


Walked = tuple[Float[Array, "n"], Float[Array, "steps"]]  # where it led, and the rate of each step


def schedules(w: Float[Array, "n"]) -> tuple[Walked, Walked, Walked]:
    """Learning rates that change from step to step: a step, a warm-up with a cosine, a cosine past its end."""

    def followed(schedule: optax.Schedule) -> Walked:
        rates = jax.vmap(schedule)(jnp.arange(30))
        # optax.sgd(schedule) is the short form; its count is int32, and so its rates are float32 even under x64.
        return walk(w, optax.sgd(lambda count: rates[count], momentum=0.9)), rates

    def rising_again(count: Array) -> Array:
        return 0.05 * (1 + jnp.cos(jnp.pi * count / 20))  # any function of the count is a schedule

    stepped = followed(optax.exponential_decay(0.1, transition_steps=10, decay_rate=0.1, staircase=True))
    warmed = followed(optax.warmup_cosine_decay_schedule(0.01, 0.1, warmup_steps=5, decay_steps=30))
    past = followed(rising_again)  # optax.cosine_decay_schedule stays at its end
    return stepped, warmed, past
