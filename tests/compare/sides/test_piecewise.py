"""A program run piece by piece: the values and the gradients of the whole, and one compilation for pieces alike."""

from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from compare.arrays.aside import Aside
from compare.frameworks.cutting.cuts_of_program import cuts_of
from compare.frameworks.cutting.steps_of_program import steps_of
from compare.sides.kept_values import KeptValues
from compare.sides.piecewise import Compiler, Pass, Pieces, moving_in

LAYERS, WIDTH = 4, 5
KEY = jax.random.key(0)
WEIGHTS = [jax.random.normal(one, (WIDTH, WIDTH)) for one in jax.random.split(KEY, LAYERS)]
X = jax.random.normal(KEY, (3, WIDTH))


@jax.custom_vjp
def tripled(x):
    """A rule of its own: three times the gradient."""
    return x * 1.0


tripled.defvjp(lambda x: (x * 1.0, None), lambda _, ct: (3 * ct,))


def model(weights, x):
    """Layers alike, a rule of one's own between two, and the first matrix once more at the end."""
    for i, weight in enumerate(weights):
        x = x + jnp.tanh(x @ weight)
        x = tripled(x) if i == 1 else x
    return x @ weights[0].T


@pytest.fixture(scope="module")
def aside() -> Aside:
    return Aside(small=0, room=0)


@pytest.fixture(scope="module")
def passed(cpu, aside) -> Pass:
    """The model's pass, not run."""
    steps = steps_of(jax.make_jaxpr(model)(WEIGHTS, X), range(LAYERS))
    parameters = set(steps.given[:LAYERS])
    cuts = cuts_of(steps, parameters)
    pieces = Pieces(steps, cuts, steps.outputs, moving_in(steps, set(steps.given)))
    read = {number: partial(WEIGHTS.__getitem__, at) for at, number in enumerate(steps.given[:LAYERS])}
    values = KeptValues(aside, [(steps.given[-1], X)])
    return Pass(Compiler(aside), pieces, values, read, aside, cpu.jax)


def test_values_and_gradients_are_those_of_the_whole(passed, aside):
    """The tied matrix's is summed over both of its uses; of five pieces' programs, the two in the middle are one."""
    (out,) = passed.forward()
    own, pull_back = jax.vjp(model, WEIGHTS, X)
    np.testing.assert_allclose(out, own, rtol=1e-5, atol=1e-6)
    gone = passed.backward([(passed.pieces.steps.outputs[0], out)])
    wanted, of_x = pull_back(out)
    for number, gradient in zip(passed.pieces.steps.given, [*wanted, of_x], strict=True):
        np.testing.assert_allclose(gone.array(number), gradient, rtol=1e-4, atol=1e-4)
    assert len(passed.pieces.cuts) == LAYERS + 1
    assert aside.programs < 2 * (LAYERS + 1)


def test_an_update_goes_through_once(cpu, aside):
    """What it returns lies on disk, in the tree that it returns; a value that is returned as it came too."""

    def update(arrays, by):
        return {"new": [one - by * one for one in arrays], "old": arrays[0]}

    closed, shape = jax.make_jaxpr(update, return_shape=True)(WEIGHTS, jnp.float32(0.1))
    steps = steps_of(closed, range(LAYERS), by_output=True)
    cuts = cuts_of(steps, set(steps.given[:LAYERS]))
    pieces = Pieces(steps, cuts, jax.tree.unflatten(jax.tree.structure(shape), steps.outputs))
    read = {number: partial(WEIGHTS.__getitem__, at) for at, number in enumerate(steps.given[:LAYERS])}
    values = KeptValues(aside, [(steps.given[-1], jnp.float32(0.1))])
    through = Pass(Compiler(aside), pieces, values, read, aside, cpu.jax).through()
    wanted = update(WEIGHTS, jnp.float32(0.1))
    jax.tree.map(partial(np.testing.assert_allclose, rtol=1e-6), through, wanted)
    assert len(cuts) == LAYERS


def with_functions(number: int, x: jax.Array) -> jax.Array:
    """A function of Python, another one in every layer."""
    out = jax.ShapeDtypeStruct(x.shape, x.dtype)
    return jax.pure_callback(lambda x: x + np.float32(number), out, x, vmap_method="sequential")


def with_tables(number: int, x: jax.Array) -> jax.Array:
    """A constant that no literal is."""
    return x + np.full(WIDTH, number / LAYERS, np.float32)


@pytest.mark.parametrize("inside", [with_functions, with_tables])
def test_pieces_of_one_form_and_other_contents_are_compiled_apart(cpu, aside, inside):
    """What they call, and what they hold: each its own."""

    def model(weights, x):
        for number, weight in enumerate(weights):
            x = jnp.tanh(inside(number, x @ weight) / LAYERS)
        return x

    steps = steps_of(jax.make_jaxpr(model)(WEIGHTS, X), range(LAYERS))
    pieces = Pieces(steps, cuts_of(steps, set(steps.given[:LAYERS])), steps.outputs)
    read = {number: partial(WEIGHTS.__getitem__, at) for at, number in enumerate(steps.given[:LAYERS])}
    run = Pass(Compiler(aside), pieces, KeptValues(aside, [(steps.given[-1], X)]), read, aside, cpu.jax)
    np.testing.assert_allclose(run.forward()[0], model(WEIGHTS, X), rtol=1e-5)
    assert len(pieces.cuts) == LAYERS
