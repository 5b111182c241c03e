"""What a step cannot do without, read off its program and run alone."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from compare.measure.bench.floor import FLOORS, Needed, Product, needed_by, numpy_products, torch_products
from compare.measure.bench.rows import ROWS
from compare.measure.bench.runner import Unavailable
from compare.verdict.precision import BFLOAT16, FLOAT32
from tests.compare.measure.bench.small import ready

MATRIX = (((1,), (0,)), ((), ()))


def needed(function, *shapes):
    """By that function of float32 arrays."""
    return needed_by(jax.make_jaxpr(function)(*(jax.ShapeDtypeStruct(shape, np.float32) for shape in shapes)))


def test_the_perceptron_s_step_makes_five_products(cpu):
    """Two forward, and three backward: the input has no gradient."""
    step = needed_by(ROWS["jax.jit"].built(*ready("mlp"), FLOAT32, cpu).looked_at().jaxpr)
    assert sum(product.count for product in step.products) == 5
    assert sum(product.multiply_adds for product in step.products) == 8 * (2 * 784 * 128 + 3 * 128 * 10)
    parameters = 784 * 128 + 128 + 128 * 10 + 10
    read, written = 4 * (2 * parameters + 8 * 784 + 8), 4 * (2 * parameters + 1)
    assert step.bytes == (read + written) // 2
    assert step.others == ()


def test_products_in_a_loop_count_as_often_as_they_are_made():
    """A scan's trip count times those of its body, nested ones too."""

    def function(x, w):
        def inner(x, _):
            return x @ w, None

        def outer(x, _):
            return jax.jit(lambda x: jax.lax.scan(inner, x, None, length=3)[0])(x) @ w, None

        return jax.lax.scan(outer, x, None, length=2)[0]

    assert needed(function, (4, 5), (5, 5)).products == (Product((4, 5), (5, 5), MATRIX, 2 * 3 + 2),)


def test_batched_products_are_batches_of_matrix_products():
    """Whatever the order of their axes."""
    (product,) = needed(lambda q, k: jnp.einsum("nqhd,nkhd->nhqk", q, k), (2, 5, 3, 4), (2, 7, 3, 4)).products
    assert sorted(product.sizes[1::2]) == [5, 7]
    assert (product.sizes[0], product.sizes[2]) == (6, 4)
    assert product.multiply_adds == 2 * 3 * 5 * 7 * 4


@pytest.mark.parametrize("name", FLOORS)
def test_each_floor_runs(name, cpu):
    """On products of every kind, as a row does."""
    step = needed(lambda q, k: (jnp.einsum("nqhd,nkhd->nhqk", q, k), q[0, 0] @ k[0, 0].T), (2, 5, 3, 4), (2, 7, 3, 4))
    runner = FLOORS[name](step, FLOAT32, cpu)
    runner.call(2)
    runner.wait()
    assert runner.steps_per_call > 1


def test_the_loop_of_xla_keeps_its_products(cpu):
    """They neither vanish from the loop nor leave it: it multiplies in its body."""
    step = Needed((Product((64, 32), (32, 48), MATRIX, 1),), (), 1)
    program = FLOORS["products, jax"](step, FLOAT32, cpu).looked_at().program()
    body = program.as_text().split("ENTRY")[0]
    assert "dot(" in body


def test_another_way_to_multiply_is_no_floor(cpu):
    """A convolution's products are not counted, and a floor without them would be too low."""

    def convolve(x, w):
        return jax.lax.conv(x, w, (1, 1), "SAME")

    step = needed(convolve, (1, 3, 8, 8), (4, 3, 3, 3))
    with pytest.raises(Unavailable, match="the step has a convolution"):
        torch_products(step, FLOAT32, cpu)
    with pytest.raises(Unavailable, match="no matrix products"):
        torch_products(needed(jnp.sin, (3,)), FLOAT32, cpu)


def test_numpy_has_no_products_in_bfloat16(cpu):
    """It says so."""
    with pytest.raises(Unavailable, match="NumPy has no products in bfloat16"):
        numpy_products(Needed((Product((2, 3), (3, 4), MATRIX, 1),), (), 1), BFLOAT16, cpu)
