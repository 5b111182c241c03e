"""Differentiation of plain functions: what is returned, how gradients are added, and what is left out."""

import jax
import jax.numpy as jnp
import optax
from jaxtyping import Array, Complex, Float, Int

from jaxport.losses import cross_entropy

Params = dict[str, Array]


def loose_mlp(params: Params, x: Float[Array, "batch inputs"]) -> Float[Array, "batch classes"]:
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
) -> tuple[Float[Array, ""], Params]:
    """The loss is a function of the parameters; its gradient is another function, which returns what it finds.

    Returns:
        The loss, and the gradients of ``W1``, ``b1``, ``W2``, ``b2``, by name.
    """
    scale1, scale2 = (2 / W1.shape[1]) ** 0.5, (2 / W2.shape[1]) ** 0.5
    params = {"W1": W1 * scale1, "b1": b1, "W2": W2 * scale2, "b2": b2}

    def loss_of(params: Params) -> Float[Array, ""]:
        logits = loose_mlp(params, x)
        return cross_entropy(logits, y)

    loss, grads = jax.value_and_grad(loss_of)(params)  # a dictionary like params; nothing is written anywhere
    return loss, grads


def scaled_weight(
    raw: Float[Array, "hidden inputs"], params: Params, x: Float[Array, "batch inputs"], y: Int[Array, "batch"]
) -> tuple[Array | None, Array | None]:
    """No mistake here: the gradient is asked for by an argument, and a scaled array is one like any other.

    Returns:
        The gradient of the raw weight, and that of the scaled one.
    """
    scale = (2 / raw.shape[1]) ** 0.5

    def loss_of(W1: Float[Array, "hidden inputs"]) -> Float[Array, ""]:
        return cross_entropy(loose_mlp(params | {"W1": W1}, x), y)

    of_scaled = jax.grad(loss_of)(raw * scale)
    of_raw = jax.grad(lambda raw: loss_of(raw * scale))(raw)  # scaled inside the function that is differentiated
    return of_raw, of_scaled


def by_hand(params: Params, x: Float[Array, "batch inputs"], y: Int[Array, "batch"]) -> tuple[Params, Params]:
    """The backward pass written out with plain array operations, beside the one that is derived.

    Args:
        params: as ``loose_mlp`` takes them.

    Returns:
        The gradients by hand, and those that ``jax.grad`` derives; each by the parameter's name.
    """
    derived = jax.grad(lambda params: cross_entropy(loose_mlp(params, x), y))(params)

    W1, b1, W2, b2 = params["W1"], params["b1"], params["W2"], params["b2"]
    z1 = x @ W1.T + b1
    a1 = jnp.maximum(z1, 0)
    p = jax.nn.softmax(a1 @ W2.T + b2, axis=1)
    dz2 = (p - jax.nn.one_hot(y, len(b2), dtype=p.dtype)) / len(y)  # of softmax, logarithm and mean in one
    dz1 = jnp.where(z1 > 0, dz2 @ W2, 0)  # the ReLU lets through where it was open
    written = {"W1": dz1.T @ x, "b1": dz1.sum(axis=0), "W2": dz2.T @ a1, "b2": dz2.sum(axis=0)}
    return written, derived


def accumulation(
    x: Float[Array, "batch inputs"], y: Float[Array, "batch"], w: Float[Array, "inputs"]
) -> tuple[Float[Array, "steps"], Float[Array, "steps inputs"]]:
    """Twelve steps, each with the sum of all gradients so far: to make torch's mistake, it has to be written.

    Returns:
        The loss before each step, and the gradient that the step applied.
    """
    loss_and_grad = jax.value_and_grad(lambda w: ((x @ w - y) ** 2).mean())
    optimizer = optax.sgd(0.1)
    opt_state, summed = optimizer.init(w), jnp.zeros_like(w)
    losses, applied = [], []
    for _ in range(12):
        loss, grad = loss_and_grad(w)
        summed = summed + grad  # nothing adds up unless this line is written
        updates, opt_state = optimizer.update(summed, opt_state)
        w = optax.apply_updates(w, updates)
        losses.append(loss)
        applied.append(summed)
    return jnp.stack(losses), jnp.stack(applied)


def micro_batches(
    params: Params, x: Float[Array, "batch inputs"], y: Int[Array, "batch"], splits: tuple[int, ...] = (4, 8, 12)
) -> tuple[Params, Params]:
    """Gradients added up on purpose: one step of SGD for several gradients.

    Args:
        params: as ``loose_mlp`` takes them.
        splits: the rows before which the batch is cut.

    Returns:
        The parameters after the step, and the gradient that it applied, by the parameter's name.
    """
    parts = list(zip(jnp.split(x, splits), jnp.split(y, splits), strict=True))
    # Keeps the running mean of the parts' gradients; in float32, unless it is told otherwise.
    optimizer = optax.MultiSteps(optax.sgd(0.5), every_k_schedule=len(parts), accumulator_dtype=x.dtype)
    opt_state, summed = optimizer.init(params), jax.tree.map(jnp.zeros_like, params)
    gradient = jax.jit(jax.grad(lambda params, x, y: cross_entropy(loose_mlp(params, x), y)))
    for rows, labels in parts:
        grads = gradient(params, rows, labels)
        summed = jax.tree.map(lambda total, one: total + one / len(parts), summed, grads)  # the same mean, by hand
        updates, opt_state = optimizer.update(grads, opt_state, params)  # zeros, until the last part
        params = optax.apply_updates(params, updates)
    return params, summed


def no_grad(params: Params, x: Float[Array, "batch inputs"], y: Int[Array, "batch"]) -> tuple[Float[Array, ""], Params]:
    """A forward pass that nobody will differentiate keeps nothing for a backward pass.

    Args:
        params: as ``loose_mlp`` takes them.

    Returns:
        The loss, and the gradients of the same function, by the parameter's name.
    """

    def loss_of(params: Params) -> Float[Array, ""]:
        return cross_entropy(loose_mlp(params, x), y)

    loss = loss_of(params)  # a plain call: nobody asked for a gradient, so there is nothing to switch off
    grads = jax.grad(loss_of)(params)  # of the same function, whenever it is asked for
    return loss, grads


def head_loss(
    x: Float[Array, "batch inputs"],
    W1: Float[Array, "hidden inputs"],
    W2: Float[Array, "features hidden"],
    W3: Float[Array, "classes features"],
    *,
    cut: bool,
) -> Float[Array, ""]:
    """A loss of a head ``W3`` on the features that ``W1`` and ``W2`` make, with or without a cut between."""
    features = jnp.tanh(jnp.tanh(x @ W1.T) @ W2.T)
    if cut:
        features = jax.lax.stop_gradient(features)  # the same numbers, and zero for their derivatives
    logits = features @ W3.T
    return jax.nn.logsumexp(logits, axis=1).mean()


def detach(
    x: Float[Array, "batch inputs"],
    W1: Float[Array, "hidden inputs"],
    W2: Float[Array, "features hidden"],
    W3: Float[Array, "classes features"],
) -> tuple[Array | None, ...]:
    """A value cut out of differentiation: what comes before the cut gets a gradient of zero.

    Returns:
        The gradients of ``W1``, ``W2`` and ``W3``: zeros, zeros, and the head's.
    """
    of_W1, of_W2, of_W3 = jax.grad(head_loss, argnums=(1, 2, 3))(x, W1, W2, W3, cut=True)
    return of_W1, of_W2, of_W3


def written_copy(features: Float[Array, "batch features"]) -> Float[Array, "batch features"]:
    """A copy with another first entry. There is no other way: ``features[0, 0] = 7`` raises."""
    return jax.lax.stop_gradient(features).at[0, 0].set(7)


def distance(z: Complex[Array, "numbers"]) -> Float[Array, ""]:
    """The sum of squared distances from i: a real loss of complex numbers, lowest at i."""
    return jnp.square(jnp.abs(z - 1j)).sum()


def complex_gradient(
    z: Complex[Array, "numbers"],
) -> tuple[Float[Array, ""], Complex[Array, "numbers"], Complex[Array, "numbers"]]:
    """A real loss by complex numbers: ``jax.grad`` returns dL/dx - i dL/dy, the conjugate of the way up.

    Returns:
        The loss, the gradient as it comes, and the numbers after a step downhill.
    """
    loss, grad = jax.value_and_grad(distance)(z)
    stepped = z - 0.1 * jnp.conj(grad)  # conjugated: what an optimizer is to be given
    return loss, grad, stepped
