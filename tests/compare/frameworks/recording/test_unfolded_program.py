"""A program of JAX in one list of equations: called programs in place, a scan's body once, values by their numbers."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from compare.frameworks.integers import float64
from compare.frameworks.recording.unfolded_program import unfolded

USERS_MODELS = True


def values_of(function, *args, mask=lambda number, shape: None):
    """The program and every value of it."""
    program = unfolded(jax.make_jaxpr(function)(*args))
    with float64():
        return program, program.evaluated([np.asarray(one) for one in jax.tree.leaves(args)], mask)


@jax.custom_jvp
def cubed(x):
    """A rule of one's own."""
    return x**3


cubed.defjvp(lambda primals, tangents: (primals[0] ** 3, 3 * primals[0] ** 2 * tangents[0]))


@pytest.mark.parametrize(
    "function",
    [
        lambda x: jax.jit(jnp.tanh)(x) + cubed(x),
        lambda x: jax.checkpoint(lambda a: jnp.sin(a) * a)(x),
        lambda x: jax.value_and_grad(lambda a: jnp.sum(jax.nn.relu(a) * cubed(a)))(x)[1],
        lambda x: jax.lax.cond(jnp.sum(x) > 0, jnp.sin, jnp.cos, x),
        lambda x: jax.lax.while_loop(lambda a: jnp.sum(a) < 10, lambda a: a + 1, x),
    ],
    ids=["jit and custom_jvp", "checkpoint", "gradient", "cond", "while"],
)
def test_it_computes_what_the_program_computes(function):
    """At float64, whatever it calls."""
    x = np.linspace(-1, 1, 5, dtype=np.float32)
    program, values = values_of(function, x)
    assert np.allclose(values[program.outputs[0]], function(x), rtol=1e-6)
    assert not {"jit", "custom_jvp_call", "remat2", "checkpoint"} & {one.name for one in program.equations}


@pytest.mark.parametrize("reverse", [False, True])
def test_a_scans_body_is_listed_once(reverse):
    """With how often it runs; its values are those of the first trip."""
    rows = np.arange(6, dtype=np.float32).reshape(3, 2)

    def whole(rows):
        return jax.lax.scan(lambda carry, row: (carry + jnp.sin(row), carry), jnp.zeros(2), rows, reverse=reverse)[0]

    program, values = values_of(whole, rows)
    (sine,) = [one for one in program.equations if one.name == "sin"]
    assert (sine.times, program.equations[sine.inside].name) == (3, "scan")
    assert np.allclose(values[sine.results[0]], np.sin(rows[-1 if reverse else 0].astype(np.float64)))
    assert np.allclose(values[program.outputs[0]], np.sin(rows.astype(np.float64)).sum(0))


def test_a_draw_takes_the_mask_that_it_is_given():
    """Of its number and shape; where there is none it draws for itself."""

    def dropped(x):
        first = jax.random.bernoulli(jax.random.key(0), 0.5, x.shape)
        return jnp.where(first, x, 0.0) + jax.random.bernoulli(jax.random.key(1), 0.5, x.shape)

    x, given = np.ones(8, np.float32), np.arange(8) % 2 == 0
    program, values = values_of(dropped, x, mask=lambda number, shape: given if number == 0 else None)
    assert [one.name for one in program.equations].count("bernoulli") == 2
    drawn = np.asarray(values[program.outputs[0]]) - given
    assert set(drawn) == {0.0, 1.0}


def test_an_equation_knows_its_dtype_and_its_shape():
    """As traced, whatever its value is evaluated at."""
    program, _ = values_of(lambda x: (x > 0).astype(jnp.bfloat16), np.ones((2, 3), np.float32))
    greater, cast = program.equations
    assert (greater.made, cast.made) == ("bool[2,3]", "bfloat16[2,3]")
    assert cast.dtype_of(cast.results[0]).itemsize == 2


@pytest.mark.parametrize("reverse", [False, True])
def test_a_scan_is_followed_trip_by_trip(reverse):
    """Each trip takes what the one before hands on; what the loop returns is what its trips make."""
    rows = np.arange(1, 7, dtype=np.float32).reshape(3, 2)

    def step(carry, row):
        carry = jnp.sin(carry * row) + 1
        return carry, carry * 2

    closed = jax.make_jaxpr(lambda rows: jax.lax.scan(step, jnp.ones(2), rows, reverse=reverse))(rows)
    program = unfolded(closed, trips=20)
    with float64():
        values = program.evaluated([rows], lambda number, shape: None)
    sines = [one for one in program.run if one.name == "sin"]
    assert [one.name for one in program.equations].count("sin") == 1
    assert len(sines) == 3
    assert {program.equations[one.at].name for one in sines} == {"sin"}
    last, stacked = program.outputs
    assert np.allclose(values[program.ends[last]], values[last])
    assert np.allclose([values[one] for one in program.stacks[stacked]], values[stacked])
    assert len(unfolded(closed, trips=11).run) == len(unfolded(closed).run)  # four equations, three times, are more


def test_a_scan_that_draws_is_not_followed():
    """Its first draw stands for all: each takes the next mask."""

    def step(key, row):
        key, own = jax.random.split(key)
        return key, jnp.where(jax.random.bernoulli(own, 0.5, row.shape), row, 0.0)

    closed = jax.make_jaxpr(lambda rows: jax.lax.scan(step, jax.random.key(0), rows)[1])(np.ones((3, 2), np.float32))
    assert [one.name for one in unfolded(closed, trips=1000).run].count("bernoulli") == 1
