"""Differentiation of plain functions: what is returned, what is kept, how gradients are added, and what is left out."""

from collections.abc import Callable, Iterable

import jax
import jax.numpy as jnp
import optax
from jaxtyping import Array, Complex, Float, Int

from jaxport.losses import cross_entropy


def loose_mlp(params: dict[str, Array], x: Float[Array, "batch inputs"]) -> Float[Array, "batch classes"]:
    """Two affine maps with a ReLU between: ``relu(x W1' + b1) W2' + b2``, raw logits.

    Args:
        params: arrays ``W1 (hidden, inputs)``, ``b1 (hidden,)``, ``W2 (classes, hidden)``, ``b2 (classes,)``.
            Nothing marks them as differentiable: ``jax.grad`` is told which argument to differentiate.
        x: one row for each example.
    """
    a1 = jax.nn.relu(x @ params["W1"].T + params["b1"])
    return a1 @ params["W2"].T + params["b2"]


def tape(
    x: Float[Array, "batch inputs"],
    y: Int[Array, "batch"],
    W1: Float[Array, "hidden inputs"],
    b1: Float[Array, "hidden"],
    W2: Float[Array, "classes hidden"],
    b2: Float[Array, "classes"],
) -> dict[str, object]:
    """Which arrays have a gradient after one backward pass, and what decides it."""
    scale1, scale2 = (2 / W1.shape[1]) ** 0.5, (2 / W2.shape[1]) ** 0.5
    params = {"W1": W1 * scale1, "b1": b1, "W2": W2 * scale2, "b2": b2}

    def loss_of(params: dict[str, Array]) -> Float[Array, ""]:
        return cross_entropy(loose_mlp(params, x), y)

    loss, grads = jax.value_and_grad(loss_of)(params)  # a dictionary like params; nothing is written anywhere

    def loss_of_raw(raw: Float[Array, "hidden inputs"]) -> Float[Array, ""]:
        return loss_of(params | {"W1": raw * scale1})  # scaled inside: the gradient is that of the raw weight

    before = jax.grad(loss_of_raw)(W1)
    return {
        "loss": loss,
        "parameters with a gradient": sorted(grads),
        "gradient of W1": grads["W1"],
        "gradient of b1": grads["b1"],
        "gradient of W2": grads["W2"],
        "gradient of b2": grads["b2"],
        "gradient of W1 before scaling": before,
        "gradient of W1 after scaling": grads["W1"],  # an argument is an argument, scaled or not
        "logits made by": jax.make_jaxpr(loose_mlp)(params, x).eqns[-1].primitive.name,
    }


def by_hand(
    x: Float[Array, "batch inputs"],
    y: Int[Array, "batch"],
    W1: Float[Array, "hidden inputs"],
    b1: Float[Array, "hidden"],
    W2: Float[Array, "classes hidden"],
    b2: Float[Array, "classes"],
) -> dict[str, object]:
    """The backward pass written out with plain array operations, beside the one that is derived."""
    params = {"W1": W1, "b1": b1, "W2": W2, "b2": b2}
    derived = jax.grad(lambda params: cross_entropy(loose_mlp(params, x), y))(params)

    z1 = x @ W1.T + b1
    a1 = jnp.maximum(z1, 0)
    p = jax.nn.softmax(a1 @ W2.T + b2, axis=1)
    dz2 = (p - jax.nn.one_hot(y, len(b2), dtype=p.dtype)) / len(y)  # of softmax, logarithm and mean in one
    dz1 = jnp.where(z1 > 0, dz2 @ W2, 0)  # the ReLU lets through where it was open
    written = {"W1": dz1.T @ x, "b1": dz1.sum(axis=0), "W2": dz2.T @ a1, "b2": dz2.sum(axis=0)}
    return {
        "W1 by hand": written["W1"],
        "b1 by hand": written["b1"],
        "W2 by hand": written["W2"],
        "b2 by hand": written["b2"],
        "W1 derived": derived["W1"],
        "b1 derived": derived["b1"],
        "W2 derived": derived["W2"],
        "b2 derived": derived["b2"],
        "equal to 1e-5": all(jnp.abs(written[name] - derived[name]).max().item() < 1e-5 for name in written),
    }


def accumulation(
    x: Float[Array, "batch inputs"], y: Float[Array, "batch"], w: Float[Array, "inputs"]
) -> dict[str, object]:
    """Twelve steps that never zero the gradient: each applies the sum of all gradients so far."""
    optimizer = optax.sgd(0.1)
    opt_state, summed = optimizer.init(w), jnp.zeros_like(w)
    loss_and_grad = jax.value_and_grad(lambda w: ((x @ w - y) ** 2).mean())
    losses, own, applied = [], [], []
    for _ in range(12):
        loss, grad = loss_and_grad(w)
        own.append(grad)
        summed = summed + grad  # nothing adds up unless this line is written
        applied.append(summed)
        updates, opt_state = optimizer.update(summed, opt_state)
        w = optax.apply_updates(w, updates)
        losses.append(loss)
    grads, sums = jnp.stack(own), jnp.stack(applied)
    return {
        "own gradient, three steps": grads[:3],
        "applied gradient, three steps": sums[:3],
        "losses": jnp.stack(losses),
        "norm of the own gradient": jnp.linalg.norm(grads, axis=1),
        "norm of the applied gradient": jnp.linalg.norm(sums, axis=1),
        "cosine of the two": jax.vmap(optax.cosine_similarity)(grads, sums),
    }


def micro_batches(
    x: Float[Array, "batch inputs"],
    y: Int[Array, "batch"],
    W1: Float[Array, "hidden inputs"],
    b1: Float[Array, "hidden"],
    W2: Float[Array, "classes hidden"],
    b2: Float[Array, "classes"],
) -> dict[str, object]:
    """Gradients added up on purpose: four micro-batches make the step of the full batch."""
    params = {"W1": W1, "b1": b1, "W2": W2, "b2": b2}
    grad = jax.jit(jax.grad(lambda params, x, y: cross_entropy(loose_mlp(params, x), y)))
    full = grad(params, x, y)
    parts = [grad(params, x[part], y[part]) for part in (slice(0, 4), slice(4, 16))]  # 4 and 12 rows
    uneven = jax.tree.map(lambda one, other: one / 2 + other / 2, *parts)
    # Keeps the running mean of four gradients; in float32, unless it is told otherwise.
    optimizer = optax.MultiSteps(optax.sgd(0.5), every_k_schedule=4, accumulator_dtype=x.dtype)
    update = jax.jit(optimizer.update)
    opt_state, stepped, summed = optimizer.init(params), params, jax.tree.map(jnp.zeros_like, params)
    for rows, labels in zip(jnp.split(x, 4), jnp.split(y, 4), strict=True):
        part = grad(params, rows, labels)
        summed = jax.tree.map(lambda total, one: total + one / 4, summed, part)  # the mean of four means, by hand
        updates, opt_state = update(part, opt_state, params)  # zeros, until the fourth
        stepped = optax.apply_updates(stepped, updates)
    return {
        "full batch": full["W1"],
        "four micro-batches": summed["W1"],
        "uneven parts, equally weighted": uneven["W1"],
        "W1 after the step": stepped["W1"],
    }


def bytes_kept(forward: Callable[..., Array], params: object, held: Iterable[Array]) -> int:
    """Bytes of the residuals that ``jax.vjp`` keeps, beyond the arrays that the caller holds anyway."""
    _, pull_back = jax.vjp(forward, params)  # a tree, whose leaves are the residuals
    memory = {leaf.unsafe_buffer_pointer(): leaf.nbytes for leaf in jax.tree.leaves(pull_back)}
    return sum(memory.values()) - sum(
        memory.get(one.unsafe_buffer_pointer(), 0) for one in [*jax.tree.leaves(params), *held]
    )


def no_grad(
    x: Float[Array, "batch inputs"],
    y: Int[Array, "batch"],
    W1: Float[Array, "hidden inputs"],
    b1: Float[Array, "hidden"],
    W2: Float[Array, "classes hidden"],
    b2: Float[Array, "classes"],
) -> dict[str, object]:
    """A forward pass that nobody will differentiate keeps nothing for a backward pass."""
    params = {"W1": W1, "b1": b1, "W2": W2, "b2": b2}

    def loss_of(params: dict[str, Array]) -> Float[Array, ""]:
        return cross_entropy(loose_mlp(params, x), y)

    kept = bytes_kept(loss_of, params, [x, y])
    loss = loss_of(params)  # a plain call: nobody asked for a gradient, so there is nothing to switch off
    kept_without = bytes_kept(lambda params: loss_of(jax.lax.stop_gradient(params)), params, [x, y])
    return {
        "loss": loss,
        "bytes kept": kept,
        "bytes kept without a gradient": kept_without,
        "gradient of W1": jax.grad(loss_of)(params)["W1"],  # of the same function, whenever it is asked for
    }


def detach(
    x: Float[Array, "batch inputs"],
    W1: Float[Array, "hidden inputs"],
    W2: Float[Array, "features hidden"],
    W3: Float[Array, "classes features"],
) -> dict[str, object]:
    """A value cut out of differentiation: what comes before the cut gets no gradient."""
    params = {"W1": W1, "W2": W2, "W3": W3}

    def loss_of(params: dict[str, Array], cut: bool) -> Float[Array, ""]:
        features = jnp.tanh(jnp.tanh(x @ params["W1"].T) @ params["W2"].T)
        logits = (jax.lax.stop_gradient(features) if cut else features) @ params["W3"].T
        return jax.nn.logsumexp(logits, axis=1).mean()

    grads = jax.grad(loss_of)(params, cut=True)
    features = jnp.tanh(x @ W1.T)
    cut = jax.lax.stop_gradient(features)
    copied = cut.at[0, 0].set(7)  # a written copy: the array itself cannot be written
    try:
        cut[0, 0] = 7
    except TypeError as error:
        refused = str(error)
    kept = bytes_kept(lambda params: loss_of(params, cut=False), params, [x])
    kept_with_cut = bytes_kept(lambda params: loss_of(params, cut=True), params, [x])
    return {
        "gradient of W3": grads["W3"],
        "gradient of W1": grads["W1"],
        "no gradient reaches W1": not grads["W1"].any(),
        "bytes kept": kept,
        "bytes kept with the cut": kept_with_cut,
        "fewer bytes with the cut": kept_with_cut < kept,
        "written copy": copied[0, 0],
        "original after writing a copy": features[0, 0],
        "refused": refused,
    }


def complex_gradient(z: Complex[Array, "numbers"]) -> dict[str, object]:
    """A real loss by complex numbers: ``jax.grad`` returns dL/dx - i dL/dy, the conjugate of the way up."""

    def loss_of(z: Complex[Array, "numbers"]) -> Float[Array, ""]:
        return jnp.square(jnp.abs(z - 1j)).sum()

    by_x, by_y = jax.grad(lambda x, y: loss_of(jax.lax.complex(x, y)), argnums=(0, 1))(z.real, z.imag)
    loss, raw = jax.value_and_grad(loss_of)(z)
    rising = jnp.conj(raw)  # what an optimizer is to be given
    return {
        "loss": loss,
        "dL/dx": by_x,
        "dL/dy": by_y,
        "gradient as it comes": raw,
        "gradient as dL/dx + i dL/dy": rising,
        "loss after a step against it": loss_of(z - 0.1 * rising),
        "loss after a step against it as it comes": loss_of(z - 0.1 * raw),
    }
