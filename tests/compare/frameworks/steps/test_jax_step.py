"""What a jaxpr is taken for: calls opened, loops counted, what nothing needs left out, what is repeated seen."""

from functools import partial

import jax
import jax.numpy as jnp
import pytest

from compare.frameworks.steps.jax_step import jax_step

W = jnp.eye(4)
X = jnp.ones((3, 4))
EACH = 3 * 4 * 4


def operations(function, *arrays):
    return jax_step(jax.make_jaxpr(function)(*arrays))


def work(function, *arrays):
    return sum(one.multiply_adds * one.times for one in operations(function, *arrays))


def scanned(x, w):
    return jax.lax.scan(lambda c, _: (jnp.tanh(c @ w), None), x, None, length=5)[0]


@pytest.mark.parametrize(
    "wrap", [jax.jit, jax.checkpoint, lambda f: jax.vmap(lambda x, w: f(x[None], w)[0], (0, None))]
)
def test_calls_are_opened(wrap):
    """What is inside counts where it is called."""
    assert work(wrap(lambda x, w: x @ w), X, W) == EACH


def test_custom_rules_are_opened():
    """Forward alone, and differentiated."""

    @jax.custom_vjp
    def product(x, w):
        return x @ w

    product.defvjp(lambda x, w: (x @ w, (x, w)), lambda kept, g: (g @ kept[1].T, kept[0].T @ g))
    assert work(product, X, W) == EACH
    assert work(jax.grad(lambda x, w: product(x, w).sum(), (0, 1)), X, W) == 2 * EACH  # whose forward nothing needs


def test_a_loop_counts_its_trips():
    """The same as the loop written out, forward and backward."""

    def written(x, w):
        for _ in range(5):
            x = jnp.tanh(x @ w)
        return x

    for function in (scanned, written):
        assert work(function, X, W) == 5 * EACH
        assert work(jax.grad(lambda x, w, f=function: f(x, w).sum(), 1), X, W) == (5 + 5 + 4) * EACH


def test_the_branch_that_computes_most_counts():
    """Which one is taken is not known."""

    def either(x, w):
        return jax.lax.cond(x.sum() > 0, lambda: x @ w @ w, lambda: x)

    assert work(either, X, W) == 2 * EACH


def test_a_loop_of_unknown_length_with_products_is_not_countable():
    """One without is."""

    def until(body):
        return partial(jax.lax.while_loop, lambda x: x.sum() < 9, body)

    assert any(one.uncountable for one in operations(until(lambda x: x @ W), X))
    assert not any(one.uncountable for one in operations(until(lambda x: x + 1), X))


def test_what_no_output_needs_is_left_out():
    """Also of what is called and of what loops."""
    assert work(lambda x, w: (x @ w, x)[1], X, W) == 0
    assert work(lambda x, w: jax.jit(lambda x, w: (x @ w, x))(x, w)[1], X, W) == 0

    def beside(x, w):
        return jax.lax.scan(lambda c, _: (c + 1, c @ w), x, None, length=5)[0]

    assert work(beside, X, W) == 0


def test_what_is_called_for_its_effect_is_kept():
    """A print has no output at all."""
    printed = operations(lambda x: (jax.debug.print("{}", x), x)[1], X)
    assert [one.name.startswith("debug") for one in printed].count(True) == 1

    def looped(x):
        return jax.lax.scan(lambda c, _: (jax.debug.print("here"), (c, None))[1], x, None, length=5)[0]

    assert sum(one.times for one in operations(looped, X) if one.name.startswith("debug")) == 5


def test_what_is_computed_again_is_seen():
    """A compiler leaves it out, unless it stands in a checkpoint."""
    twice = operations(lambda x, w: x @ w + jax.jit(lambda x, w: x @ w)(x, w), X, W)
    assert [(one.again, one.kept_again) for one in twice if one.multiply_adds] == [(False, False), (True, False)]
    loss = jax.checkpoint(lambda x, w: jnp.sin(jnp.sin(x @ w) @ w).sum())
    kept = operations(jax.value_and_grad(loss, 1), X, W)
    assert sum(one.kept_again for one in kept if one.multiply_adds) == 2
    assert sum(one.multiply_adds for one in kept if not one.again) == (2 + 3) * EACH


def test_other_keys_draw_other_numbers():
    """Two draws with one key are one; with two keys two."""

    def drawn(first, second):
        return jax.random.normal(first, (4,)) + jax.random.normal(second, (4,))

    one, two = jax.random.split(jax.random.key(0))
    bits = [each for each in operations(drawn, one, two) if each.name.startswith("random_bits")]
    assert [each.again for each in bits] == [False, False]
    bits = [each for each in operations(lambda key: drawn(key, key), one) if each.name.startswith("random_bits")]
    assert [each.again for each in bits] == [False, True]
