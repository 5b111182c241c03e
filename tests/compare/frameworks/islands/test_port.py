"""The promoted port against the promoted reference: what matches, and what still must not."""

import contextlib
import math
from dataclasses import replace
from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax import lax

from compare.frameworks.islands import port
from compare.frameworks.islands.port import islands_jax, promoted_jax
from compare.frameworks.islands.witness import constants_jax
from compare.verdict.verdict import Verdict
from tests.compare.frameworks.islands.models import CASES, arguments, decoder_jax, judged, value_and_grads, verdicts

X = np.linspace(-1.0, 1.0, 6)


@pytest.fixture(autouse=True)
def _x64():
    with jax.enable_x64(True), jax.numpy_dtype_promotion("standard"):
        yield


@pytest.mark.parametrize("name", CASES)
def test_a_sound_pair_matches_under_promotion_and_only_there(name):
    """Outputs and every gradient: norms, tables, softmax, custom rules, scan, checkpoint, cond and while."""
    assert verdicts(judged(CASES[name])) == {Verdict.MATCH}
    assert Verdict.MATCH not in verdicts(judged(CASES[name], promote=None, promote_torch=False))


@pytest.mark.parametrize(("promote", "promote_torch"), [(None, True), (promoted_jax, False)])
def test_both_sides_need_it(promote, promote_torch):
    """One side promoted alone is as far from the other as ever."""
    assert Verdict.MATCH not in verdicts(judged(CASES["decoder"], promote, promote_torch))


def test_an_epsilon_of_one_percent_shows():
    """1.01e-6 for 1e-6 is no match anywhere, and nothing can be named that would excuse it."""
    case = replace(CASES["decoder"], port=partial(decoder_jax, eps=1.01e-6))
    function, entering = partial(value_and_grads, case), arguments(case)
    found = judged(case)
    assert Verdict.MATCH not in verdicts(found)
    assert min(each.gap / each.allowed * 2**10 for each in found.values()) > 1e6
    assert constants_jax(function, *entering) == []


def test_compiled_or_not_the_numbers_are_float64s():
    """A cast that comes back, a computed constant, a literal, in trees and by keyword."""

    def function(tree, *, shift):
        return {"out": tree["x"].astype(jnp.float32) * 0.1 / math.sqrt(96) + jnp.float32(0.3) + shift.astype("float32")}

    wanted = X * 0.1 / math.sqrt(96) + 0.3 + 1 / 3
    for call in (promoted_jax(function), jax.jit(promoted_jax(function))):
        out = call({"x": X}, shift=jnp.asarray(1 / 3))["out"]
        assert out.dtype == np.float64
        np.testing.assert_allclose(out, wanted, rtol=1e-15)
    assert np.abs(function({"x": X}, shift=jnp.asarray(1 / 3))["out"] - wanted).max() > 1e-9


@pytest.mark.parametrize("promoted_first", [False, True])
def test_what_is_traced_in_here_serves_nobody_else(promoted_first):
    """JAX keeps traced programs of inner functions: neither run may find the other's."""

    @jax.jit
    def inner(x):
        return (x.astype(jnp.float32) / math.sqrt(96)).astype(x.dtype)

    def function(x):
        step = jax.checkpoint(lambda carry, _: (inner(carry), None))
        return lax.scan(step, x, None, length=1)[0]

    first, second = (promoted_jax(function), function) if promoted_first else (function, promoted_jax(function))
    found = [np.asarray(call(X), np.float64) for call in (first, second, first)]
    promoted, plain = (found[0], found[1]) if promoted_first else (found[1], found[0])
    np.testing.assert_allclose(promoted, X / math.sqrt(96), rtol=1e-15)
    assert np.abs(plain - promoted).max() > 1e-10
    np.testing.assert_array_equal(found[0], found[2])
    assert "f32" in str(jax.make_jaxpr(function)(X))


def test_a_derivative_through_it_uses_the_rule():
    """A custom rule stays a rule where its program holds no float32 of its own."""

    @jax.custom_jvp
    def straight(x):
        return jnp.round(x)

    straight.defjvp(lambda primals, tangents: (straight(*primals), 3.0 * tangents[0]))
    assert jax.grad(promoted_jax(lambda x: straight(x.astype(jnp.float32)).sum()))(X).tolist() == [3.0] * 6


def test_a_function_that_insists_on_float32_is_traced_as_it_is():
    """It asserts a dtype: what is left is the replay, where a typed decimal comes out whole."""

    def function(x):
        x = x.astype(jnp.float32)
        assert x.dtype == jnp.float32
        return x * 0.1

    np.testing.assert_allclose(promoted_jax(function)(X), X * 0.1, rtol=1e-15)


def test_a_function_that_raises_raises_its_own_error():
    """And not one about promotion."""

    def function(x):
        raise KeyError("its own")

    with pytest.raises(KeyError, match="its own"):
        promoted_jax(function)(X)


def test_a_port_written_for_strict_promotion_is_promoted():
    """It holds float32 against float32; one of the two is raised, the other is a constant."""
    table = jnp.asarray([0.5, 0.25, 1, 2, 3, 4], jnp.float32)

    def function(x):
        return x.astype(jnp.float32) * table / math.sqrt(96)

    with jax.numpy_dtype_promotion("strict"):
        np.testing.assert_allclose(promoted_jax(function)(X), X * np.asarray(table) / math.sqrt(96), rtol=1e-15)


def test_a_rounding_that_was_asked_for_stays():
    """``reduce_precision`` is no island."""
    rounded = promoted_jax(lambda x: lax.reduce_precision(x.astype(jnp.float32), 8, 7))(X)
    np.testing.assert_array_equal(rounded, np.asarray(jnp.asarray(X).astype(jnp.bfloat16).astype(jnp.float64)))


def test_random_draws_stay_the_draws_they_are():
    """Float64 would draw others."""

    def function(x):
        return x + jax.random.uniform(jax.random.key(0), (6,), jnp.float32)

    np.testing.assert_array_equal(
        promoted_jax(function)(X), X + jax.random.uniform(jax.random.key(0), (6,), np.float32)
    )


def test_islands_are_told_by_line():
    """The lines that make something float32, not those that go on with it; a library's inner functions by the call."""

    def function(x):
        y = x.astype(jnp.float32)
        z = jnp.sin(y) * 2
        table = jnp.arange(6, dtype=jnp.float32)
        draw = jax.random.uniform(jax.random.key(0), (6,), jnp.float32)
        return lax.scan(lambda c, _: (c + x.astype("float32"), None), z + table + draw, None, length=2)[0]

    line = function.__code__.co_firstlineno
    file = "tests/compare/frameworks/islands/test_port.py"
    assert islands_jax(function, X) == [f"{file}:{line + n}" for n in (1, 3, 4, 5)]
    assert islands_jax(jnp.sin, X) == []


def test_without_a_traceback_the_place_is_unknown():
    """JAX's records of source lines are not its promise."""

    class Bare:
        source_info = None

    assert port.place_of_eqn(Bare()) == port.UNKNOWN


@pytest.mark.parametrize("name", ["rms_norm", "rotary", "rotary_complex", "layer_norm", "while_loop"])
def test_the_replay_alone_does_for_decimals(name, monkeypatch):
    """Where JAX's reading of dtypes is not found: scan, cond and rules are replayed, typed numbers recovered."""
    monkeypatch.setattr(port, "requests_raised", contextlib.nullcontext)
    assert verdicts(judged(CASES[name])) == {Verdict.MATCH}


@pytest.mark.parametrize("name", ["attention", "decoder", "cond", "constants"])
def test_the_replay_alone_cannot_bring_back_a_computed_number(name, monkeypatch):
    """1 / sqrt(12), once rounded, is gone: why requests are raised while tracing."""
    monkeypatch.setattr(port, "requests_raised", contextlib.nullcontext)
    assert verdicts(judged(CASES[name])) != {Verdict.MATCH}
