"""JAX on the pair: each function returns what is run, on ``given.loss(params, inputs, targets)``, a number."""

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp

from compare.measure.contrast.ways.given_jax import JaxGiven, Tree

Step = Callable[[], Any]


def value_and_gradient(given: JaxGiven) -> Step:
    step = jax.jit(jax.value_and_grad(given.loss))
    return lambda: step(given.params, given.inputs, given.targets)[1]


def accumulation(given: JaxGiven) -> Step:
    step = jax.jit(jax.grad(given.loss))

    def twice() -> Tree:
        one, two = (step(given.params, given.inputs, given.targets) for _ in range(2))
        return jax.tree.map(jnp.add, one, two)  # returned, so they are added by hand

    return twice


def backward_twice(given: JaxGiven) -> Step:
    @jax.jit
    def step(params: Tree, inputs: Tree, targets: Tree) -> Tree:
        loss, pull_back = jax.vjp(lambda own: given.loss(own, inputs, targets), params)
        one, two = (pull_back(jnp.ones_like(loss))[0] for _ in range(2))
        return jax.tree.map(jnp.add, one, two)

    return lambda: step(given.params, given.inputs, given.targets)


def gradient_of_a_gradient(given: JaxGiven) -> Step:
    def squared(params: Tree, inputs: Tree, targets: Tree) -> jax.Array:
        first = jax.grad(given.loss)(params, inputs, targets)
        return sum((jnp.sum(one**2) for one in jax.tree.leaves(first)), start=jnp.zeros(()))

    step = jax.jit(jax.grad(squared))
    return lambda: step(given.params, given.inputs, given.targets)


def forward_mode(given: JaxGiven) -> Step:
    @jax.jit
    def step(params: Tree, inputs: Tree, targets: Tree) -> jax.Array:
        return jax.jvp(lambda own: given.loss(own, inputs, targets), (params,), (params,))[1]

    return lambda: step(given.params, given.inputs, given.targets)


def hessian_vector_product(given: JaxGiven) -> Step:
    @jax.jit
    def step(params: Tree, inputs: Tree, targets: Tree) -> Tree:
        return jax.jvp(jax.grad(lambda own: given.loss(own, inputs, targets)), (params,), (params,))[1]

    return lambda: step(given.params, given.inputs, given.targets)


def jacobian(given: JaxGiven) -> Step:
    step = jax.jit(lambda params, row: jax.jacrev(lambda own: given.outputs(params, given.with_input(own)))(row))
    return lambda: step(given.params, given.first_row)


def per_sample_gradients(given: JaxGiven) -> Step:
    def loss(params: Tree, inputs: Tree, targets: Tree) -> jax.Array:
        rows = [jax.tree.map(lambda one: one[None], each) for each in (inputs, targets)]
        return given.loss(params, *rows)

    step = jax.jit(jax.vmap(jax.grad(loss), (None, 0, 0)))
    return lambda: step(given.params, given.inputs, given.targets)


def by_the_inputs(given: JaxGiven) -> Step:
    step = jax.jit(jax.grad(lambda own, params, targets: given.loss(params, given.with_input(own), targets)))
    return lambda: step(given.floating, given.params, given.targets)


def part_of_the_parameters(given: JaxGiven) -> Step:
    leaves, form = jax.tree.flatten(given.params)

    def loss(own: jax.Array, others: list[jax.Array], inputs: Tree, targets: Tree) -> jax.Array:
        return given.loss(jax.tree.unflatten(form, [own, *others]), inputs, targets)

    step = jax.jit(jax.grad(loss))

    def one() -> Tree:
        gradient = step(leaves[0], leaves[1:], given.inputs, given.targets)
        return jax.tree.unflatten(form, [gradient, *map(jnp.zeros_like, leaves[1:])])

    return one


def stop_in_the_middle(given: JaxGiven) -> Step:
    def stopped(params: Tree, inputs: Tree) -> jax.Array:
        outputs = given.outputs(params, inputs)
        return jnp.sum(outputs * jax.lax.stop_gradient(outputs))

    step = jax.jit(jax.grad(stopped))
    return lambda: step(given.params, given.inputs)


def checkpointing(given: JaxGiven) -> Step:
    step = jax.jit(jax.grad(jax.checkpoint(given.loss)))
    return lambda: step(given.params, given.inputs, given.targets)


def under_compilation(given: JaxGiven) -> Step:
    step = jax.jit(jax.grad(given.loss)).lower(given.params, given.inputs, given.targets).compile()
    return lambda: step(given.params, given.inputs, given.targets)


def vectorised(given: JaxGiven) -> Step:
    three = jax.tree.map(lambda one: jnp.stack([one, 1.5 * one, 2 * one]), given.params)
    step = jax.jit(jax.vmap(jax.grad(given.loss), (0, None, None)))
    return lambda: step(three, given.inputs, given.targets)
