"""Beyond one gradient: derivatives of derivatives, Jacobians, and a gradient for each example."""

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Int

from jaxport.autograd import loose_mlp
from jaxport.losses import cross_entropy


def second_derivatives(
    x: Float[Array, "batch inputs"], y: Float[Array, "batch"], w: Float[Array, "inputs"], v: Float[Array, "inputs"]
) -> dict[str, object]:
    """Derivatives of derivatives: Hessian-vector products, a Hessian, a Jacobian, a third derivative."""

    def loss_of(w: Float[Array, "inputs"]) -> Float[Array, ""]:
        return (jnp.exp(x @ w) - y * (x @ w)).mean()  # Poisson regression: exp(x w) is the rate of y

    gradient = jax.grad(loss_of)  # a function: it can be differentiated like any other
    reverse_over_reverse = jax.grad(lambda w: gradient(w) @ v)(w)
    forward_over_reverse = jax.jvp(gradient, (w,), (v,))[1]
    hessian = jax.jit(jax.hessian(loss_of))(w)  # jacfwd of jacrev
    jacobian = jax.jacrev(lambda w: jnp.exp(x @ w))(w)
    along_v = jax.grad(jax.grad(jax.grad(lambda t: loss_of(w + t * v))))
    try:
        jax.grad(lambda w: x @ w)(w)
    except TypeError as error:
        refused = str(error)
    return {
        "Hessian times v, reverse over reverse": reverse_over_reverse,
        "Hessian times v, forward over reverse": forward_over_reverse,
        "Hessian": hessian,
        "Hessian by hand": x.T @ (jnp.exp(x @ w)[:, None] * x) / len(x),
        "Jacobian of the rates": jacobian,
        "third derivative along v": along_v(jnp.zeros_like(w[0])),
        "gradient of a vector": refused,
    }


def per_sample(
    x: Float[Array, "batch inputs"],
    y: Int[Array, "batch"],
    W1: Float[Array, "hidden inputs"],
    b1: Float[Array, "hidden"],
    W2: Float[Array, "classes hidden"],
    b2: Float[Array, "classes"],
) -> dict[str, object]:
    """A gradient for each example of a batch, from one call; their mean is the gradient of the batch."""
    params = {"W1": W1, "b1": b1, "W2": W2, "b2": b2}

    def loss_of(params: dict[str, Array], row: Float[Array, "inputs"], label: Int[Array, ""]) -> Float[Array, ""]:
        return cross_entropy(loose_mlp(params, row[None]), label[None])

    grads = jax.jit(jax.vmap(jax.grad(loss_of), in_axes=(None, 0, 0)))(params, x, y)
    squares = [(one**2).reshape(len(x), -1).sum(axis=1) for one in grads.values()]
    norms = jnp.sqrt(sum(squares))  # of each example's whole gradient
    clipped = grads["W1"] * jnp.minimum(5 / norms, 1)[:, None, None]  # each to norm 5 at most, before any mean
    batch = jax.jit(jax.grad(lambda params: cross_entropy(loose_mlp(params, x), y)))(params)
    return {
        "gradients of W1": grads["W1"],
        "their mean": grads["W1"].mean(axis=0),
        "gradient of the batch": batch["W1"],
        "norms": norms,
        "mean of the clipped": clipped.mean(axis=0),
    }
