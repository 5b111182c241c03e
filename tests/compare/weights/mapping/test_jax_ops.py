"""Primitives that move entries: what they leave of a weight, and what they must not take for a table's rows."""

import jax
import jax.numpy as jnp
import pytest
from jax import lax

from compare.weights.mapping.jax_trace import replay
from compare.weights.mapping.walk import Walk
from tests.compare.weights.mapping.hand import roles, same_atoms

ROWS = jnp.array([0, 1, 1])


def replayed(function, *shapes):
    """The walk over ``function``, whose first argument is the weight "w" and the others are inputs."""
    closed = jax.make_jaxpr(function)(*(jnp.ones(shape) for shape in shapes))
    walk = Walk()
    values = [walk.weight("w", shapes[0]), *(walk.input(shape) for shape in shapes[1:])]
    return walk, values, replay(walk, closed.jaxpr, closed.consts, values)


@pytest.mark.parametrize(
    "function",
    [lambda w: w.T, lambda w: w.reshape(2, 2, 6), lambda w: w[:, None], lambda w: w[::-1], lambda w: jnp.tril(w)],
    ids=["transpose", "reshape", "broadcast", "rev", "tril"],
)
def test_a_view_of_a_weight_is_still_that_weight(function):
    walk, _, (seen,) = replayed(function, (4, 6))
    assert [unit for unit, _ in seen.units] == [walk.units["w"]]


def test_a_range_of_a_weight_is_a_piece_and_every_second_entry_where_they_are_all_of_it():
    walk, _, _ = replayed(lambda w, x: x @ w[:, 2:4], (4, 6), (3, 4))
    assert [piece.uses for piece in walk.units["w"].pieces] == [[0]]
    walk, _, _ = replayed(lambda w, x: x @ w[:, ::2], (4, 6), (3, 4))
    assert [piece.uses for piece in walk.units["w"].pieces] == [[0]]
    walk, _, _ = replayed(lambda w, x: x @ w[:, ::4], (4, 6), (3, 4))
    assert walk.units["w"].pieces == []


def test_every_second_entry_of_a_head_is_no_piece():
    """Who rotates neighbours has another function than who rotates halves, and no other order of the same weight."""

    def rotated(w, x):
        heads = (x @ w).reshape(3, 2, 4)
        return heads[..., ::2] - heads[..., 1::2]

    walk, _, _ = replayed(rotated, (4, 8), (3, 4))
    assert [factor.size for factor in walk.units["w"].factors] == [4, 8]
    assert walk.units["w"].pieces == []


def test_rows_are_taken_and_columns_are_not():
    walk, _, _ = replayed(lambda w, x: w[ROWS] * x, (4, 6), (3, 6))
    assert (walk.units["w"].kind, roles(walk.units["w"])) == ("table", [("in", 4), ("out", 6)])
    walk, _, _ = replayed(lambda w, x: w[:, 0, 1:3] * x, (4, 5, 6), (4, 2))
    assert walk.units["w"].kind != "table"


def test_a_product_lays_what_is_summed_along():
    walk, (w, x), _ = replayed(lambda w, x: jnp.einsum("gio,bgi->bgo", w, x), (2, 4, 5), (3, 2, 4))
    assert sorted(roles(walk.units["w"])) == [("group", 2), ("in", 4), ("out", 5)]
    assert same_atoms(w.axes[1], x.axes[2])


def test_what_is_picked_of_an_activation_keeps_its_other_axes():
    """By one number for all rows, and by one of its own for each."""
    _, (_, x), (y,) = replayed(lambda w, x: jnp.take(x, ROWS, axis=1), (1,), (2, 5, 4))
    assert [same_atoms(y.axes[at], x.axes[at]) for at in range(3)] == [True, False, True]
    own = jnp.array([[[2], [0]], [[1], [1]]])
    _, (_, x), (y,) = replayed(lambda w, x: jnp.take_along_axis(x, own, 1), (1,), (2, 5, 4))
    assert [same_atoms(y.axes[at], x.axes[at]) for at in range(3)] == [True, False, True]


@pytest.mark.parametrize("function", [jnp.linalg.inv, jnp.linalg.cholesky, lambda w: jnp.linalg.solve(w, jnp.eye(4))])
def test_linear_algebra_leaves_no_axis_what_it_is(function):
    walk, _, (result,) = replayed(function, (4, 4))
    assert (result.units, walk.units["w"].opaque) == ((), True)


def test_a_reshape_may_order_the_axes_first():
    """As ``vmap`` makes one axis of a stack and what each of its kernels has there."""
    walk, _, _ = replayed(lambda w, x: x @ lax.reshape(w, (4, 15), (1, 0, 2)), (3, 4, 5), (2, 4))
    assert sorted(roles(walk.units["w"])) == [("in", 4), ("out", 3), ("out", 5)]


def test_what_is_stacked_or_tiled_keeps_its_axes():
    _, (_, x), (y,) = replayed(lambda w, x: jnp.stack([x, 2 * x], 1), (1,), (3, 4))
    assert (y.shape, same_atoms(y.axes[0], x.axes[0]), same_atoms(y.axes[2], x.axes[1])) == ((3, 2, 4), True, True)
    _, (_, x), (y,) = replayed(lambda w, x: jnp.tile(x, (1, 2)), (1,), (3, 4))
    assert (y.shape, same_atoms(y.axes[0], x.axes[0]), same_atoms(y.axes[1][-1:], x.axes[1])) == ((3, 8), True, True)
