"""What is judged of jaxport/autograd.py."""

from collections.abc import Callable

import jax
import jax.numpy as jnp
import optax
from jax import Array

from compare.lessons.judged.counted_jax import bytes_kept
from compare.lessons.judged.said import refused
from compare.lessons.row import Quantities
from jaxport.autograd import distance, head_loss, loose_mlp, scaled_weight, written_copy
from jaxport.losses import cross_entropy

Params = dict[str, Array]


def tape(
    function: Callable[..., tuple[Array, Params]], x: Array, y: Array, W1: Array, b1: Array, W2: Array, b2: Array
) -> Quantities:
    """Where gradients arrive, and what they are asked by."""
    loss, grads = function(x, y, W1, b1, W2, b2)
    scale1, scale2 = (2 / W1.shape[1]) ** 0.5, (2 / W2.shape[1]) ** 0.5
    params = {"W1": W1 * scale1, "b1": b1, "W2": W2 * scale2, "b2": b2}
    before, after = jax.jit(scaled_weight)(W1, params, x, y)
    return {
        "loss": loss,
        "parameters with a gradient": sorted(grads),
        "gradient of W1": grads["W1"],
        "gradient of b1": grads["b1"],
        "gradient of W2": grads["W2"],
        "gradient of b2": grads["b2"],
        "gradient of W1 before scaling": before,
        "gradient of W1 after scaling": after,
        "logits made by": jax.make_jaxpr(loose_mlp)(params, x).eqns[-1].primitive.name,
    }


def by_hand(function: Callable[..., tuple[Params, Params]], x: Array, y: Array, **weights: Array) -> Quantities:
    """Each gradient, written out and derived."""
    written, derived = function(weights, x, y)
    return {
        **{f"{name} by hand": written[name] for name in weights},
        **{f"{name} derived": derived[name] for name in weights},
        "equal to 1e-5": all(jnp.abs(written[name] - derived[name]).max().item() < 1e-5 for name in weights),
    }


def accumulation(function: Callable[..., tuple[Array, Array]], x: Array, y: Array, w: Array) -> Quantities:
    """What was applied, and each step's own gradient: what it added."""
    losses, applied = function(x, y, w)
    own = jnp.diff(applied, axis=0, prepend=0)
    return {
        "own gradient, three steps": own[:3],
        "applied gradient, three steps": applied[:3],
        "losses": losses,
        "norm of the own gradient": jnp.linalg.norm(own, axis=1),
        "norm of the applied gradient": jnp.linalg.norm(applied, axis=1),
        "cosine of the two": jax.vmap(optax.cosine_similarity)(own, applied),
    }


def micro_batches(function: Callable[..., tuple[Params, Params]], x: Array, y: Array, **weights: Array) -> Quantities:
    """Four parts, one, and two of unequal size."""
    stepped, summed = function(weights, x, y)
    _, full = function(weights, x, y, ())
    _, uneven = function(weights, x, y, (4,))  # 4 and 12 rows
    return {
        "full batch": full["W1"],
        "four micro-batches": summed["W1"],
        "uneven parts, equally weighted": uneven["W1"],
        "W1 after the step": stepped["W1"],
    }


def no_grad(function: Callable[..., tuple[Array, Params]], x: Array, y: Array, **weights: Array) -> Quantities:
    """The loss, its gradient, and the bytes that are kept for one and for none."""
    loss, grads = function(weights, x, y)

    def loss_of(params: Params) -> Array:
        return cross_entropy(loose_mlp(params, x), y)

    return {
        "loss": loss,
        "bytes kept": bytes_kept(loss_of, weights, [x, y]),
        "bytes kept without a gradient": bytes_kept(
            lambda params: loss_of(jax.lax.stop_gradient(params)), weights, [x, y]
        ),
        "gradient of W1": grads["W1"],
    }


def detach(function: Callable[..., tuple[Array, ...]], x: Array, W1: Array, W2: Array, W3: Array) -> Quantities:
    """What gets a gradient, what is kept, and what a write reaches."""
    of_W1, _, of_W3 = function(x, W1, W2, W3)
    weights = (W1, W2, W3)
    kept = bytes_kept(lambda weights: head_loss(x, *weights, cut=False), weights, [x])
    kept_with_cut = bytes_kept(lambda weights: head_loss(x, *weights, cut=True), weights, [x])
    features = jnp.tanh(x @ W1.T)
    copied = written_copy(features)

    def write() -> None:
        jax.lax.stop_gradient(features)[0, 0] = 7

    return {
        "gradient of W3": of_W3,
        "gradient of W1": of_W1,
        "no gradient reaches W1": not of_W1.any(),
        "bytes kept": kept,
        "bytes kept with the cut": kept_with_cut,
        "fewer bytes with the cut": kept_with_cut < kept,
        "written copy": copied[0, 0],
        "original after writing a copy": features[0, 0],
        "refused": refused(write, TypeError),
    }


def complex_gradient(function: Callable[..., tuple[Array, Array, Array]], z: Array) -> Quantities:
    """The gradient by complex numbers beside those by their parts, and the loss after a step against either."""
    loss, grad, stepped = function(z)
    by_x, by_y = jax.grad(lambda x, y: distance(jax.lax.complex(x, y)), argnums=(0, 1))(z.real, z.imag)
    return {
        "loss": loss,
        "dL/dx": by_x,
        "dL/dy": by_y,
        "gradient as it comes": grad,
        "gradient as dL/dx + i dL/dy": jnp.conj(grad),
        "loss after a step against it": distance(stepped),
        "loss after a step against it as it comes": distance(z - 0.1 * grad),
    }
