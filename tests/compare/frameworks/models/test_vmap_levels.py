"""From inside ``jax.vmap``, what all rows hold is seen together, at any depth, and what is given back is each row's."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from compare.frameworks.models.vmap_levels import Level, drawn, through

X = np.arange(24, dtype=np.float32).reshape(2, 3, 4)


def test_a_level_knows_what_was_entered_since():
    """vmap alone, at any depth, is rows; a derivative or an inner program in between is not."""
    found = {}

    def look(name):
        def seen(x):
            found[name] = (level.is_current, level.is_above_rows)
            return x * 2

        return seen

    @jax.jit
    def program(x):
        nonlocal level
        level = Level()
        look("here")(x)
        jax.vmap(look("rows"))(x)
        jax.vmap(jax.vmap(look("rows of rows")))(x)
        jax.vmap(jax.jit(look("compiled rows")))(x)
        jax.vmap(jax.grad(lambda row: look("derived rows")(row).sum()))(x)
        jax.vmap(lambda row: jax.lax.scan(lambda carry, one: (carry, look("scanned rows")(one)), 0, row))(x)
        return x

    level = Level()
    program(X)
    assert found == {
        "here": (True, False),
        "rows": (False, True),
        "rows of rows": (False, True),
        "compiled rows": (False, False),
        "derived rows": (False, False),
        "scanned rows": (False, False),
    }


@pytest.mark.parametrize("depth", [0, 1, 2])
def test_all_rows_are_seen_and_replaced_together(depth):
    """The outermost axis comes first; the replacement of all rows reaches each of them, and derivatives go through."""
    shapes = []

    def visit(arrays):
        shapes.append([one.shape for one in arrays])
        return [one * jnp.arange(X.size, dtype=one.dtype).reshape(X.shape) for one in arrays]

    def total(x, level):
        def layer(row):
            (row,) = through(level, [row], visit)
            return jnp.sin(row)

        for _ in range(depth):
            layer = jax.vmap(layer)
        return layer(x)

    def program(x):
        return jax.value_and_grad(lambda x: (total(x, Level())).sum())(x)

    value, grad = jax.jit(program)(X)
    weights = np.arange(X.size, dtype=np.float32).reshape(X.shape)
    assert shapes == [[X.shape]]
    np.testing.assert_allclose(value, np.sin(X * weights).sum(), rtol=1e-4)
    np.testing.assert_allclose(grad, np.cos(X * weights) * weights, rtol=1e-3, atol=1e-2)


def test_rows_that_lie_on_another_axis_come_first_too():
    """And an array that every row shares has no axis of rows."""
    shapes = []

    def visit(arrays):
        shapes.append([one.shape for one in arrays])
        return arrays

    @jax.jit
    def program(x, shared):
        level = Level()

        def layer(row, shared):
            row, shared = through(level, [row, shared], visit)
            return row.sum() + shared

        return jax.vmap(layer, in_axes=(2, None))(x, shared)

    out = program(X, np.float32(1))
    assert shapes == [[(4, 2, 3), ()]]
    np.testing.assert_array_equal(out, X.sum((0, 1)) + 1)


def test_what_all_rows_share_is_visited_once_as_it_is():
    """A table that no row enters is no batch; a layer without arrays is visited as well."""
    shapes = []

    def visit(arrays):
        shapes.append([one.shape for one in arrays])
        return [one + 1 for one in arrays]

    @jax.jit
    def program(x, table):
        level = Level()

        def layer(row):
            through(level, [], visit)
            (own,) = through(level, [table], visit)
            return row.sum() + own.sum()

        return jax.grad(lambda x: jax.vmap(layer)(x).sum())(x), jax.vmap(layer)(x)

    grad, out = program(X, np.ones(2, np.float32))
    assert shapes == [[], [(2,)]] * 2
    np.testing.assert_array_equal(grad, np.ones_like(X))
    np.testing.assert_array_equal(out, X.sum((1, 2)) + 4)


@pytest.mark.parametrize(("shared", "asked"), [(False, (2, 3, 4)), (True, (4,))])
def test_rows_draw_together_unless_they_share_their_key(shared, asked):
    """Each row gets its part; rows of one key get the same, as they would from ``jax.random``."""
    shapes = []

    def take(shape):
        shapes.append(shape)
        return jnp.arange(np.prod(shape)).reshape(shape) % 2 == 0

    @jax.jit
    def program(x, key):
        level = Level()
        keys = jax.random.split(key, 6).reshape(2, 3)

        def layer(row, own):
            return jnp.where(drawn(level, key if shared else own, row.shape, take), row, 0)

        return jax.vmap(jax.vmap(layer))(x, keys)

    out = program(X, jax.random.key(0))
    assert shapes == [asked]
    mask = np.arange(np.prod(asked)).reshape(asked) % 2 == 0
    np.testing.assert_array_equal(out, np.where(mask, X, 0))


def test_at_the_level_itself_nothing_is_led_out():
    assert Level().is_current
    assert not Level().is_above_rows
    assert drawn(Level(), jax.random.key(0), (3,), lambda shape: jnp.ones(shape, bool)).shape == (3,)
