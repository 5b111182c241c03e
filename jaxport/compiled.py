"""jax.jit and jax.export: what is traced, how often, and what the program is bound to.

A function that compiles takes what compiles as its last argument, so that a reader can put another in its place:
``lambda function: function`` runs it as it is written.
"""

from collections.abc import Callable
from typing import Any

import jax
import jax.export
import jax.numpy as jnp
from jaxtyping import Array, Float

Params = tuple[Array, Array]
Compile = Callable[..., Callable[..., Any]]


def compiled_step(
    weights: Float[Array, "inputs outputs"],
    bias: Float[Array, "outputs"],
    inputs: Float[Array, "batch inputs"],
    targets: Float[Array, "batch outputs"],
    compile: Compile = jax.jit,
) -> tuple[Float[Array, "inputs outputs"], Float[Array, "outputs"]]:
    """Three compiled training steps: one result, traced once.

    Returns:
        The weights and the bias after them.
    """

    def loss(params: Params, inputs: Array, targets: Array) -> Array:
        weights, bias = params
        return jnp.square(jnp.tanh(inputs @ weights + bias) - targets).mean()

    def step(params: Params, inputs: Array, targets: Array) -> Params:
        gradients = jax.grad(loss)(params, inputs, targets)
        return jax.tree.map(lambda param, gradient: param - 0.1 * gradient, params, gradients)

    compiled = compile(step)  # the loss, its gradient and the update are one program
    params = weights, bias
    for _ in range(3):
        params = compiled(params, inputs, targets)
    return params


def noted(x: Float[Array, "outputs"], compile: Compile = jax.jit) -> list[str]:
    """Three calls of a compiled function that also appends to a list: the list, as long as it became."""
    notes: list[str] = []

    def square(x: Array) -> Array:
        notes.append("called")  # the body runs while it is traced, and never again
        return jnp.square(x)

    compiled = compile(square)
    for _ in range(3):
        compiled(x)
    return notes


def centred(x: Array) -> Array:
    """A branch on a value, as one would write it: ``x (batch,)`` less its mean, or half of it. ``jax.jit`` raises."""
    if x.sum() > 0:  # Python needs the number: while tracing there is none
        return x - x.mean()
    return x / 2


def branches(
    values: Float[Array, "batch"], compile: Compile = jax.jit
) -> tuple[Float[Array, "two batch"], Float[Array, "two batch"]]:
    """The branch as data, in two ways, each of them one program.

    Returns:
        By ``where`` and by ``cond``, of the values and of the values with their sign turned.
    """

    def by_where(x: Array) -> Array:
        return jnp.where(x.sum() > 0, x - x.mean(), x / 2)  # both branches are computed, one is kept

    def by_cond(x: Array) -> Array:
        return jax.lax.cond(x.sum() > 0, lambda x: x - x.mean(), lambda x: x / 2, x)  # only one is computed

    where, cond = compile(by_where), compile(by_cond)
    return jnp.stack([where(values), where(-values)]), jnp.stack([cond(values), cond(-values)])


def recompilation(rows: Float[Array, "batch inputs"], compile: Compile = jax.jit) -> Float[Array, "sizes"]:
    """The mean power of batches of 2, 3, 4 and 5 rows: four programs, one for each shape."""

    def power(x: Array) -> Array:
        return jnp.square(x).sum(axis=1).mean()

    compiled = compile(power)
    return jnp.stack([compiled(rows[:size]) for size in (2, 3, 4, 5)])


def one_program(rows: Float[Array, "batch inputs"], compile: Compile = jax.jit) -> Float[Array, "sizes"]:
    """The same from one program: the shape is always that of five rows, and the size is data."""

    def power(x: Array, size: Array | int) -> Array:
        within = jnp.arange(len(x)) < size  # the rows beyond are padding
        return jnp.square(x).sum(axis=1).mean(where=within)

    compiled = compile(power)
    return jnp.stack([compiled(rows, size) for size in (2, 3, 4, 5)])


def export(
    weights: Float[Array, "outputs inputs"], bias: Float[Array, "outputs"], inputs: Float[Array, "batch inputs"]
) -> tuple[jax.export.Exported, jax.export.Exported, jax.export.Exported]:
    """A layer as a program in bytes: saved, loaded, called without its Python, and the sizes it is bound to.

    Returns:
        The program, what is loaded from its bytes, and a program for batches of any size.
    """

    @jax.jit
    def model(params: dict[str, Array], inputs: Array) -> Array:
        return jnp.tanh(inputs @ params["weight"].T + params["bias"])

    params = {"weight": weights, "bias": bias}
    platforms = ("cpu", "cuda")  # the program is bound to these; unnamed, to the default backend, whatever the device
    program = jax.export.export(model, platforms=platforms)(params, inputs)  # bound to the shapes of both
    loaded = jax.export.deserialize(program.serialize())  # is given the weights at each call

    (batch,) = jax.export.symbolic_shape("batch")
    any_batch = jax.ShapeDtypeStruct((batch, inputs.shape[1]), inputs.dtype)
    unbound = jax.export.export(model, platforms=platforms)(params, any_batch)
    return program, loaded, unbound
