"""What a port rounds below the working precision, read off its trace."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax import lax

from compare.frameworks.islands.low_port import note_port
from compare.frameworks.islands.lowered import Kept, Step
from compare.frameworks.islands.port import promoted_jax
from compare.frameworks.islands.roundings import Book, Value
from compare.frameworks.islands.tracing import requests_noted

X, W = np.ones((3, 4), np.float32), np.ones((4, 4), np.float32)
LOW = jnp.bfloat16
BF16_PRODUCT = lax.DotAlgorithmPreset.BF16_BF16_F32


def book_of(function, *arrays, names="xw", precision="float32"):
    book = Book(precision)
    given = [Value(frozenset({name}), weight=name == "w") for name, _ in zip(names, arrays, strict=False)]
    with requests_noted() as noting:
        program = jax.make_jaxpr(lambda *args: function(*args))(*arrays)
    note_port(book, program, given, asked=list(noting.asked))
    return book


def low_operands(book):
    return {"".join(sorted(reach)): dict(one.low) for reach, one in book.operands.items() if one.low}


def looped(x, w):
    def step(state, _):
        state = jnp.tanh(state @ w.astype(LOW))
        return state, state

    return lax.scan(step, x.astype(LOW), None, length=5)[1]


def whiled(x, w):
    return lax.while_loop(
        lambda c: c[1] < 3, lambda c: ((c[0].astype(LOW) @ w.astype(LOW)).astype(x.dtype), c[1] + 1), (x, 0)
    )


@jax.jit
def inner(x):
    return x.astype(LOW).astype(x.dtype) * 2


def branched(x, w):
    return lax.cond(x.sum() > 0, lambda x: x.astype(LOW).astype(x.dtype), lambda x: x, x) @ w


@pytest.mark.parametrize(
    ("function", "expected"),
    [
        (lambda x: x.astype(LOW), [("x", "bfloat16", 1)]),
        (lambda x: x.astype(jnp.float16).astype(jnp.float32), [("x", "float16", 1)]),
        (lambda x: lax.reduce_precision(x, 8, 7), [("x", "bfloat16", 1)]),
        (lambda x: lax.reduce_precision(x, 8, 23), []),
        (lambda x: x + jnp.full(4, 0.5, LOW), []),
        (lambda x: x + jnp.zeros(4, LOW), []),
        (lambda x: x[:, 0] + jnp.arange(3, dtype=LOW), []),
        (lambda x: x.sum() + jnp.arange(600, dtype=LOW), [("", "bfloat16", 1)]),
        (lambda x: x * (x > 0).astype(LOW), []),
        (lambda x: jnp.tanh(x.astype(LOW)), [("x", "bfloat16", 1)]),
        (lambda x: x.astype(LOW).sum(), [("x", "bfloat16", 1)]),
        (lambda x: inner(inner(x)), [("x", "bfloat16", 1), ("x", "bfloat16", 1)]),
        (lambda x: x.sum() + jnp.arange(3, dtype=LOW) * 0.1, [("", "bfloat16", 1)]),
        (lambda x: x * 2, []),
    ],
)  # fmt: skip
def test_what_is_rounded_outside_products(function, expected):
    """Once for each value; what loses nothing is none."""
    book = book_of(function, X)
    others = [("".join(sorted(one.reach)), one.step.format, one.times) for one in book.others()]
    assert (others, book.operands) == (expected, {})


def test_a_library_s_own_rounding_is_seen():
    """Once or twice, as the version of JAX writes ``linspace``: it is asked for in bfloat16."""
    book = book_of(lambda x: x + jnp.linspace(0.1, 1, 4, dtype=LOW), X)
    assert {one.step.format for one in book.others()} == {"bfloat16"}


@pytest.mark.parametrize(
    ("function", "expected"),
    [
        (lambda x, w: x.astype(LOW) @ w.astype(LOW), {"x": {"bfloat16": 1}, "w": {"bfloat16": 1}}),
        (lambda x, w: x.astype(LOW).astype(x.dtype) @ w.T, {"x": {"bfloat16": 1}}),
        (lambda x, w: jnp.matmul(x, w, precision=BF16_PRODUCT), {"x": {"bfloat16": 1}, "w": {"bfloat16": 1}}),
        (lambda x, w: jnp.matmul(x, w, preferred_element_type=LOW), {}),
        (looped, {"w": {"bfloat16": 5}, "wx": {"bfloat16": 5}}),
        (whiled, {"w": {"bfloat16": 1}, "wx": {"bfloat16": 1}}),
        (branched, {"x": {"bfloat16": 1}}),
        (lambda x, w: x @ w, {}),
    ],
)
def test_which_operands_are_low(function, expected):
    """Of products, in loops and branches too."""
    assert low_operands(book_of(function, X, W)) == expected


def test_the_result_of_a_product_may_be_what_is_rounded():
    """By ``preferred_element_type``."""
    (rounding,) = book_of(lambda x, w: jnp.matmul(x, w, preferred_element_type=LOW), X, W).others()
    assert rounding.reach == {"x", "w"}


def test_at_bfloat16_neither_float32_nor_bfloat16_is_noted():
    """Each holds what the working precision does."""
    cast = [lambda x: x.astype(jnp.float32), lambda x: x.astype(LOW), lambda x: x.astype(jnp.float16)]
    assert not any(book_of(function, X.astype(LOW), precision="bfloat16").roundings for function in cast)


def test_a_constant_that_the_model_holds_is_not_asked_for():
    """It was rounded before; one that is made on the way is placed on its line, and kept there."""
    held = jnp.asarray([0.1, 0.2, 0.3, 0.4], LOW) / 3

    def made(x):
        return x * jnp.asarray(np.array([0.1, 0.2, 0.3, 1 / 3]), LOW)

    assert not book_of(lambda x: x * held, X).roundings
    kept = kept_steps(made, X)
    with jax.enable_x64(True):
        rounded = np.asarray(promoted_jax(made, kept=kept)(jnp.asarray(X, np.float64)))
    assert np.array_equal(rounded, np.asarray(made(X), np.float64))


def kept_steps(function, *arrays):
    return Kept(frozenset(one.step for one in book_of(function, *arrays).roundings))


@pytest.mark.parametrize(
    "function",
    [
        lambda x: jnp.tanh(x.astype(LOW).astype(x.dtype)),
        lambda x: jnp.tanh(lax.reduce_precision(x, 8, 7)),
        lambda x: inner(inner(x)),
    ],
)
def test_what_is_kept_is_rounded_in_float64_and_what_is_not_is_raised(function):
    """The numbers are bfloat16's where it is kept; else those of the same code without the rounding."""
    x = np.linspace(0.1, 1, 12, dtype=np.float32).reshape(3, 4)
    kept = kept_steps(function, x)
    low = np.asarray(jax.jit(function)(x), np.float64)
    with jax.enable_x64(True):
        wide = jnp.asarray(x, np.float64)
        rounded = np.asarray(promoted_jax(function, kept=kept)(wide))
        raised = np.asarray(promoted_jax(function, kept=Kept())(wide))
    assert np.abs(rounded - low).max() < 1e-6
    assert 1e-4 < np.abs(raised - low).max() < 1e-1


def test_a_call_that_was_traced_before_is_kept_all_the_same():
    """A function that is traced once and called on two lines asks for its format on neither of them the second time."""

    def twice(x):
        y = inner(x)
        return jnp.tanh(inner(y + 1))

    x = np.linspace(0.1, 1, 12, dtype=np.float32).reshape(3, 4)
    kept = Kept(frozenset({Step("elsewhere.py:1", "convert_element_type", "bfloat16")}))
    with jax.enable_x64(True):
        found = np.asarray(promoted_jax(twice, kept=kept)(jnp.asarray(x, np.float64)))
    assert np.abs(found - np.asarray(jax.jit(twice)(x), np.float64)).max() < 1e-6


def test_an_algorithm_that_is_kept_rounds_its_operands():
    """Also where the processor that the test runs on does not."""
    x = np.full((2, 4), 1 + 2.0**-12, np.float32)

    def product(x):
        return jnp.matmul(x, jnp.ones((4, 2), x.dtype), precision=BF16_PRODUCT)

    kept = kept_steps(product, x)
    with jax.enable_x64(True):
        wide = jnp.asarray(x, np.float64)
        assert (np.asarray(promoted_jax(product, kept=kept)(wide)) == 4).all()
        assert (np.asarray(promoted_jax(product)(wide)) == 4 * (1 + 2.0**-12)).all()
