"""A program as steps: calls in place, custom rules whole, what is made of parameters where it is first used."""

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

from compare.frameworks.cutting.steps_of_program import Steps, steps_of

W, X = jnp.arange(6.0).reshape(2, 3), jnp.ones((4, 2))


def run(steps: Steps, *args: jax.Array) -> list[jax.Array]:
    values = dict(zip(steps.given, args, strict=True)) | steps.constants
    steps.run(range(len(steps.steps)), values)
    return [values[number] for number in steps.outputs]


def names(steps: Steps) -> list[str]:
    return [step.eqn.primitive.name for step in steps.steps]


def test_calls_are_opened_and_custom_rules_are_not():
    """A checkpoint, a jit and what JAX calls by itself are steps like others; a rule of one's own stays one."""

    @jax.custom_vjp
    def doubled(x):
        return 2 * x

    doubled.defvjp(lambda x: (2 * x, None), lambda _, ct: (3 * ct,))

    def function(w, x):
        return jax.checkpoint(lambda x: jax.jit(jnp.tanh)(x @ w))(x), doubled(x)

    steps = steps_of(jax.make_jaxpr(function)(W, X), [0])
    assert not {"jit", "pjit", "checkpoint", "remat"}.intersection(names(steps))
    assert len([name for name in names(steps) if name.startswith("custom_vjp")]) == 1
    for mine, own in zip(run(steps, W, X), function(W, X), strict=True):
        np.testing.assert_array_equal(mine, own)


def test_what_is_made_of_parameters_alone_waits_for_its_use():
    """A cast of all weights at the start is carried nowhere; what nothing uses is left out."""

    def function(weights, x):
        low = [w.astype(jnp.float16) for w in weights]
        unused = low[0] * 2  # noqa: F841
        for w in low:
            x = jnp.tanh(x * w)
        return x

    steps = steps_of(jax.make_jaxpr(function)([X] * 3, X.astype(jnp.float16)), range(3))
    kinds = [name for name in names(steps) if name in ("convert_element_type", "tanh")]
    assert kinds == ["convert_element_type", "tanh"] * 3


def test_what_does_more_than_compute_stays_in_order():
    """A print is not moved, and nothing around it."""

    def function(w, x):
        low = w.astype(jnp.float16)
        jax.debug.print("{}", x.sum())
        return x.sum(), low.sum()

    closed = jax.make_jaxpr(function)(W, X)
    assert names(steps_of(closed, [0]))[0] == "convert_element_type"


def test_by_output_one_array_comes_after_another():
    """As a transformation goes through a tree, all arrays take each operation together."""

    def function(arrays):
        squares = [lax.square(one) for one in arrays]
        return [lax.neg(one) for one in squares]

    closed = jax.make_jaxpr(lambda arrays, scale: [lax.mul(one, scale) for one in function(arrays)])([X] * 3, X)
    assert names(steps_of(closed, range(3), by_output=True)) == ["square", "neg", "mul"] * 3
