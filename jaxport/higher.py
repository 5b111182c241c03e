"""Beyond one gradient: derivatives of derivatives, Jacobians, and a gradient for each example."""

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Int

from jaxport.autograd import loose_mlp
from jaxport.losses import cross_entropy


def second_derivatives(
    x: Float[Array, "batch inputs"], y: Float[Array, "batch"], w: Float[Array, "inputs"], v: Float[Array, "inputs"]
) -> tuple[Array, ...]:
    """Derivatives of derivatives: functions of functions.

    Returns:
        The Hessian times ``v`` by the gradient of a gradient; the same by a derivative of the gradient along ``v``; the
        Hessian; the Jacobian of the rates; the third derivative along ``v``.
    """

    def loss_of(w: Float[Array, "inputs"]) -> Float[Array, ""]:
        return (jnp.exp(x @ w) - y * (x @ w)).mean()  # Poisson regression: exp(x w) is the rate of y

    gradient = jax.grad(loss_of)  # a function: it can be differentiated like any other
    twice = jax.grad(lambda w: gradient(w) @ v)(w)

    product = jax.jvp(gradient, (w,), (v,))[1]  # forward over reverse: no Hessian is built
    hessian = jax.jit(jax.hessian(loss_of))(w)  # jacfwd of jacrev
    jacobian = jax.jacrev(lambda w: jnp.exp(x @ w))(w)
    along_v = jax.grad(jax.grad(jax.grad(lambda t: loss_of(w + t * v))))
    return twice, product, hessian, jacobian, along_v(jnp.zeros_like(w[0]))


def per_sample(
    params: dict[str, Array], x: Float[Array, "batch inputs"], y: Int[Array, "batch"]
) -> tuple[dict[str, Array], Float[Array, "batch"], Array]:
    """A gradient for each example of a batch, from one call, and each clipped before their mean is taken.

    Args:
        params: as ``loose_mlp`` takes them.

    Returns:
        The gradients, each with the batch as its first axis; the norm of each example's; the mean of ``W1``'s, clipped.
    """

    def loss_of(params: dict[str, Array], row: Float[Array, "inputs"], label: Int[Array, ""]) -> Float[Array, ""]:
        return cross_entropy(loose_mlp(params, row[None]), label[None])

    grads = jax.jit(jax.vmap(jax.grad(loss_of), in_axes=(None, 0, 0)))(params, x, y)
    squares = [(one**2).reshape(len(x), -1).sum(axis=1) for one in grads.values()]
    norms = jnp.sqrt(sum(squares))  # of each example's whole gradient
    clipped = grads["W1"] * jnp.minimum(5 / norms, 1)[:, None, None]  # each to norm 5 at most, before any mean
    return grads, norms, clipped.mean(axis=0)
