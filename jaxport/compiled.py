"""jax.jit and jax.export: what is traced, how often, and what the program is bound to."""

from collections.abc import Callable

import jax
import jax.export
import jax.numpy as jnp
from jaxtyping import Array, Float

Params = tuple[Array, Array]


def compiled_step(
    weights: Float[Array, "inputs outputs"],
    bias: Float[Array, "outputs"],
    inputs: Float[Array, "batch inputs"],
    targets: Float[Array, "batch outputs"],
) -> dict[str, object]:
    """Three training steps as written and compiled: one result, traced once."""
    notes: list[str] = []
    traces: list[str] = []

    def loss(params: Params, inputs: Array, targets: Array) -> Array:
        weights, bias = params
        return jnp.square(jnp.tanh(inputs @ weights + bias) - targets).mean()

    def step(params: Params, inputs: Array, targets: Array) -> Params:
        traces.append("run")
        gradients = jax.grad(loss)(params, inputs, targets)
        return jax.tree.map(lambda param, gradient: param - 0.1 * gradient, params, gradients)

    def train(step: Callable[[Params, Array, Array], Params]) -> Params:
        params = weights, bias
        for _ in range(3):
            params = step(params, inputs, targets)
        return params

    as_written = train(step)

    def noted(x: Array) -> Array:
        notes.append("called")  # the body runs while it is traced, and never again
        return jnp.square(x)

    traces.clear()
    compiled = train(jax.jit(step))  # the loss, its gradient and the update are one program
    square = jax.jit(noted)
    for _ in range(3):
        square(bias)
    return {
        "weights as written": as_written[0],
        "weights compiled": compiled[0],
        "bias compiled": compiled[1],
        "times traced": len(traces),
        "notes of three calls": len(notes),
    }


def branches(values: Float[Array, "batch"]) -> dict[str, object]:
    """A branch on a value: what the compiler makes of it, and two ways to write it as data."""
    traces: list[str] = []

    def centred(x: Array) -> Array:
        if x.sum() > 0:  # Python needs the number: while tracing there is none
            return x - x.mean()
        return x / 2

    def selected(x: Array) -> Array:
        traces.append("run")
        return jnp.where(x.sum() > 0, x - x.mean(), x / 2)  # both branches are computed, one is kept

    def conditional(x: Array) -> Array:
        return jax.lax.cond(x.sum() > 0, lambda x: x - x.mean(), lambda x: x / 2, x)  # only one is computed

    by_where = jax.jit(selected)
    by_cond = jax.jit(conditional)
    results = jnp.stack([centred(values), centred(-values)])
    try:
        jax.jit(centred)(values)
    except jax.errors.TracerBoolConversionError as error:
        refused = str(error).splitlines()[0]
    where = jnp.stack([by_where(values), by_where(-values)])
    cond = jnp.stack([by_cond(values), by_cond(-values)])
    return {
        "as written": results,
        "refused": refused,
        "by where": where,
        "by cond": cond,
        "programs by where": len(traces),
    }


def recompilation(rows: Float[Array, "batch inputs"]) -> dict[str, object]:
    """Batches of 2, 3, 4 and 5 rows: how many programs are compiled for them."""
    traces: list[tuple[int, ...]] = []

    @jax.jit
    def power(x: Array) -> Array:
        traces.append(x.shape)  # Python runs once for each program
        return jnp.square(x).sum(axis=1).mean()

    by_default = jnp.stack([power(rows[:size]) for size in (2, 3, 4, 5)])
    many = len(traces)

    @jax.jit
    def padded_power(x: Array, size: Array | int) -> Array:
        traces.append(x.shape)
        within = jnp.arange(len(x)) < size  # the size is data, the shape always the same
        return jnp.square(x).sum(axis=1).mean(where=within)

    at_once = jnp.stack([padded_power(rows, size) for size in (2, 3, 4, 5)])
    return {
        "power": by_default,
        "programs by default": many,
        "a program for each shape": many,
        "power by one program": at_once,
        "a program for all": len(traces) - many,
    }


def export(
    weights: Float[Array, "outputs inputs"], bias: Float[Array, "outputs"], inputs: Float[Array, "batch inputs"]
) -> dict[str, object]:
    """A layer as a program in bytes: saved, loaded, called without its Python, and the sizes it is bound to."""
    params = {"weight": weights, "bias": bias}

    @jax.jit
    def model(params: dict[str, Array], inputs: Array) -> Array:
        return jnp.tanh(inputs @ params["weight"].T + params["bias"])

    platforms = ("cpu", "cuda")  # the program is bound to these; unnamed, to the default backend, whatever the device
    program = jax.export.export(model, platforms=platforms)(params, inputs)
    data = program.serialize()
    loaded = jax.export.deserialize(data)
    shorter = inputs[:-1]
    try:
        loaded.call(params, shorter)
    except ValueError as error:
        refused = str(error).splitlines()[0]

    (batch,) = jax.export.symbolic_shape("batch")
    any_batch = jax.ShapeDtypeStruct((batch, inputs.shape[1]), inputs.dtype)
    unbound = jax.export.export(model, platforms=platforms)(params, any_batch)
    *_, recorded = program.in_avals
    return {
        "output": model(params, inputs),
        "output loaded": loaded.call(params, inputs),
        "shape recorded": recorded.shape,
        "one row fewer": refused,
        "one row fewer, unbound": unbound.call(params, shorter),
    }
