"""JAX on vectors: what no pair has in it. Each function returns what is run, on ``given.point``."""

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from compare.measure.contrast.capability import NotHereError
from compare.measure.contrast.ways.given_jax import JaxGiven

Step = Callable[[], Any]
Array = jax.Array


def data_dependent_branch(given: JaxGiven) -> Step:
    def branching(x: Array) -> Array:
        return jnp.sum(x**2) if jnp.sum(x) > 0 else jnp.sum(x**3)

    step = jax.jit(jax.grad(branching))
    return lambda: step(given.point)


def data_dependent_branch_otherwise(given: JaxGiven) -> Step:
    def branching(x: Array) -> Array:
        return jax.lax.cond(jnp.sum(x) > 0, lambda x: jnp.sum(x**2), lambda x: jnp.sum(x**3), x)

    step = jax.jit(jax.grad(branching))
    return lambda: step(given.point)


def loop_of_unknown_length(given: JaxGiven) -> Step:
    def doubled(x: Array) -> Array:
        return jnp.sum(jax.lax.while_loop(lambda x: jnp.sum(x) < 20, lambda x: x * 2, x) ** 2)

    step = jax.jit(jax.grad(doubled))
    return lambda: step(given.point)


def loop_of_unknown_length_otherwise(given: JaxGiven) -> Step:
    def once(x: Array, _: None) -> tuple[Array, None]:
        return jnp.where(jnp.sum(x) < 20, x * 2, x), None  # as often as it may take at most

    step = jax.jit(jax.grad(lambda x: jnp.sum(jax.lax.scan(once, x, length=10)[0] ** 2)))
    return lambda: step(given.point)


def in_place_mutation(given: JaxGiven) -> Step:
    def written(x: Array) -> Array:
        y: Any = x * 2
        y[0] = x[1] * x[2]
        return jnp.sum(y**2)

    step = jax.jit(jax.grad(written))
    return lambda: step(given.point)


def in_place_mutation_otherwise(given: JaxGiven) -> Step:
    step = jax.jit(jax.grad(lambda x: jnp.sum((x * 2).at[0].set(x[1] * x[2]) ** 2)))
    return lambda: step(given.point)


def overwriting_what_is_kept(given: JaxGiven) -> Step:
    def overwritten(x: Array) -> Array:
        y = jnp.exp(x)
        y += 1  # another array under the same name
        return jnp.sum(y)

    step = jax.jit(jax.grad(overwritten))
    return lambda: step(given.point)


@jax.custom_vjp
def cube(x: Array) -> Array:
    """A rule of one's own, backwards."""
    return x**3


cube.defvjp(lambda x: (x**3, x), lambda x, gradient: (3 * x**2 * gradient,))


def custom_derivative(given: JaxGiven) -> Step:
    step = jax.jit(jax.grad(lambda x: jnp.sum(cube(x))))
    return lambda: step(given.point)


def twice_through_a_custom_rule(given: JaxGiven) -> Step:
    step = jax.jit(jax.grad(lambda x: jnp.sum(jax.grad(lambda x: jnp.sum(cube(x)))(x))))
    return lambda: step(given.point)


def forward_through_a_custom_rule(given: JaxGiven) -> Step:
    step = jax.jit(lambda x: jax.jvp(lambda x: jnp.sum(cube(x)), (x,), (jnp.ones_like(x),))[1])
    return lambda: step(given.point)


@jax.custom_jvp
def cube_forwards(x: Array) -> Array:
    """The same with a rule forwards, from which JAX derives the one backwards."""
    return x**3


cube_forwards.defjvp(lambda at, along: (at[0] ** 3, 3 * at[0] ** 2 * along[0]))


def forward_through_a_custom_rule_otherwise(given: JaxGiven) -> Step:
    step = jax.jit(lambda x: jax.jvp(lambda x: jnp.sum(cube_forwards(x)), (x,), (jnp.ones_like(x),))[1])
    return lambda: step(given.point)


@jax.custom_vjp
def solved(matrix: Array, x: Array) -> Array:
    """z with z + tanh(A z) / 5 = x, by iteration; backwards one linear solve, whatever the iteration was."""
    return jax.lax.fori_loop(0, 200, lambda _, z: x - jnp.tanh(matrix @ z / 4) / 5, jnp.zeros_like(x))


def _solved(matrix: Array, x: Array) -> tuple[Array, tuple[Array, Array]]:
    z = solved(matrix, x)
    return z, (matrix, z)


def _back(kept: tuple[Array, Array], gradient: Array) -> tuple[Array, Array]:
    matrix, z = kept
    slope = jnp.eye(len(z), dtype=z.dtype) + (1 - jnp.tanh(matrix @ z / 4) ** 2)[:, None] * matrix / 20
    return jnp.zeros_like(matrix), jnp.linalg.solve(slope.T, gradient)


solved.defvjp(_solved, _back)


def implicit_function(given: JaxGiven) -> Step:
    step = jax.jit(jax.grad(lambda x: jnp.sum(solved(given.matrix, x) ** 2)))
    return lambda: step(given.point)


def of_a_vector(given: JaxGiven) -> Step:
    step = jax.jit(jax.grad(lambda x: x**2))
    return lambda: step(given.point)


def of_a_vector_otherwise(given: JaxGiven) -> Step:
    def pulled(x: Array) -> Array:
        y, pull_back = jax.vjp(lambda x: x**2, x)
        return pull_back(jnp.ones_like(y))[0]

    step = jax.jit(pulled)
    return lambda: step(given.point)


def by_integers(given: JaxGiven) -> Step:
    step = jax.jit(jax.grad(lambda n: jnp.sum(n * given.point)))
    return lambda: step(jnp.arange(4))


def numpy_inside(given: JaxGiven) -> Step:
    step = jax.jit(jax.grad(lambda x: jnp.sum(jnp.asarray(np.square(np.asarray(x))))))
    return lambda: step(given.point)


def numpy_inside_otherwise(given: JaxGiven) -> Step:
    @jax.custom_vjp
    def square(x: Array) -> Array:
        return jax.pure_callback(np.square, jax.ShapeDtypeStruct(x.shape, x.dtype), x)

    square.defvjp(lambda x: (square(x), x), lambda x, gradient: (2 * x * gradient,))
    step = jax.jit(jax.grad(lambda x: jnp.sum(square(x))))
    return lambda: step(given.point)


def two_devices(given: JaxGiven) -> Step:
    if len(devices := jax.devices()) < 2:
        raise NotHereError(f"there is {len(devices)} device here")
    mesh = jax.make_mesh((2,), ("rows",), devices=devices[:2])
    rows = jax.sharding.NamedSharding(mesh, jax.sharding.PartitionSpec("rows"))
    step = jax.jit(jax.grad(lambda x: jnp.sum(x**2 * 3)))
    return lambda: step(jax.device_put(given.point, rows))


def third_derivative(given: JaxGiven) -> Step:
    step = jax.jit(jax.grad(jax.grad(jax.grad(jnp.tanh))))
    return lambda: step(given.point[0])
