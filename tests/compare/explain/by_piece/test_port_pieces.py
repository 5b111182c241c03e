"""The port's pieces against results of the reference: what agrees, what follows from what agrees, and the first that
does not."""

from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from compare.arrays.aside import Aside
from compare.explain.by_piece.port_pieces import Held
from compare.explain.by_piece.recognized import Recognized
from compare.explain.by_piece.reference_results import Made
from compare.frameworks.cutting.cuts_of_program import cuts_of
from compare.frameworks.cutting.steps_of_program import steps_of
from compare.frameworks.integers import float64
from compare.sides.kept_values import KeptValues
from compare.sides.piecewise import Compiler, Pass, Pieces, moving_in

LAYERS, WIDTH = 3, 4
RNG = np.random.default_rng(0)
WEIGHTS = [RNG.normal(size=(WIDTH, WIDTH)) for _ in range(LAYERS)]
X = RNG.normal(size=(2, WIDTH))


def port(weights, x, fault=None, scale=2.0):
    """Layers, one of which may be another; each scales its weights its own way, which no result of the reference is."""
    for number, weight in enumerate(weights):
        x = jnp.tanh((x * scale) @ (weight / scale)) + (1e-3 * jnp.square(x) if number == fault else 0)
    return x


def held(cpu, fault, scale=2.0) -> Held:
    """The reference computes each layer's result, and the product before."""
    results, x, before = [], X, ()
    for weight in WEIGHTS:
        for value in (x @ weight, np.tanh(x @ weight)):
            results.append(Made(len(results), "", False, "", "", before, value, np.ones_like(value)))
            before = (results[-1],)
        x = value
    steps = steps_of(jax.make_jaxpr(partial(port, fault=fault, scale=scale))(WEIGHTS, X), range(LAYERS))
    pieces = Pieces(steps, cuts_of(steps, set(steps.given[:LAYERS])), steps.outputs, moving_in(steps, {*steps.given}))
    aside = Aside(small=0, room=0)
    read = {number: partial(jnp.asarray, WEIGHTS[at]) for at, number in enumerate(steps.given[:LAYERS])}
    run = Pass(Compiler(aside), pieces, KeptValues(aside, [(steps.given[-1], jnp.asarray(X))]), read, aside, cpu.jax)
    made = Held(run, Recognized(results))
    made.forward()
    return made


@pytest.mark.parametrize("fault", [None, 0, 1, 2])
def test_the_first_piece_that_differs_is_found_and_the_step_in_it(cpu, fault):
    """Its own scaling is no difference: what follows from it agrees."""
    with float64():
        own = held(cpu, fault)
        assert own.first_piece() == fault
        if fault is not None:
            step, value = own.open(fault)[0]
            assert step.eqn.primitive.name in ("square", "mul", "integer_pow", "add")
            assert value.shape == X.shape
            assert set(own.parameters(step)) <= {own.run.pieces.steps.given[fault]}
            assert "test_port_pieces.py:" in own.place(fault)


def test_pieces_are_fed_the_reference_cotangents(cpu):
    """Each starts from those, so that what differs behind it is not told of it; and which parameters get nothing."""
    with float64():
        own = held(cpu, None, scale=1.0)
        back = own.backward([(own.run.pieces.steps.outputs[0], jnp.ones_like(X))])
        first, second = own.run.pieces.steps.given[:2]
        assert [len(back.sent[number]) for number in (first, second)] == [1, 1]
        assert all(sent for by_piece in back.sent.values() for sent in by_piece.values())
        h = np.tanh(X @ WEIGHTS[0])
        slope = 1 - np.tanh(h @ WEIGHTS[1]) ** 2
        np.testing.assert_allclose(back.sums.array(second), h.T @ slope, rtol=1e-12)
        assert own.users(second) == [1]
