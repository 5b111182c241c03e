"""Where a program is cut: between blocks, by what is carried on, and covering it."""

import re

import jax
import jax.numpy as jnp
import pytest
from jax import lax

from compare.frameworks.cutting.cuts_of_program import Cut, UncutError, cuts_of
from compare.frameworks.cutting.steps_of_program import Steps, steps_of

WIDTH, WIDE, BLOCKS = 4, 8, 3
X = jnp.ones((2, WIDTH))
BLOCK = {"up": jnp.ones((WIDTH, WIDE)), "down": jnp.ones((WIDE, WIDTH)), "bias": jnp.ones(WIDTH)}


def blocks(weights, x):
    table = jnp.cos(jnp.arange(float(WIDTH)))  # made once, used in every block
    for block in weights["blocks"]:
        x = x + jnp.tanh((x * table) @ block["up"]) @ block["down"] + block["bias"]
    return x @ weights["head"]


def cut(function, weights, *args) -> tuple[Steps, list[Cut]]:
    closed = jax.make_jaxpr(function)(weights, *args)
    places = range(len(jax.tree.leaves(weights)))
    steps = steps_of(closed, places)
    return steps, cuts_of(steps, {steps.given[at] for at in places})


WEIGHTS = {"blocks": [BLOCK] * BLOCKS, "head": jnp.ones((WIDTH, WIDE))}


def test_the_cuts_cover_the_program():
    """Every step is in one of them, and what a later one takes is made by an earlier one or given."""
    steps, cuts = cut(blocks, WEIGHTS, X)
    assert [at for one in cuts for at in one.span] == list(range(len(steps.steps)))
    there = set(steps.given)
    for one in cuts:
        assert there.issuperset(one.taken)
        there.update(one.made)
    assert there.issuperset(steps.outputs)


def test_blocks_are_cut_alike():
    """Each takes the parameters of one layer, and little goes on."""
    steps, cuts = cut(blocks, WEIGHTS, X)
    shapes = [tuple(steps.avals[number].shape for number in one.taken if number in steps.given[:-1]) for one in cuts]
    assert shapes == [((WIDTH, WIDE),), ((WIDE, WIDTH), (WIDTH,))] * BLOCKS + [((WIDTH, WIDE),)]
    between = [sum(map(steps.size, one.made)) for one in cuts[1:-1:2]]
    assert max(between) <= X.nbytes + 4 * WIDTH  # the stream, and once the table, which others take from there


def test_what_is_tied_is_taken_by_both():
    """An embedding that is the head too."""
    steps, cuts = cut(
        lambda w, x: jnp.tanh(x @ w["a"]) @ w["b"] @ w["a"].T, {"a": jnp.ones((4, 9)), "b": jnp.ones((9, 9))}, X
    )
    assert [steps.given[0] in one.taken for one in cuts] == [True, False, True]


def test_a_scan_over_layers_is_refused():
    """Its parameters are one array; a layer that takes its own at every trip of a loop over time is none."""
    stacked = jnp.ones((5, WIDTH, WIDTH))

    def over_layers(w, x):
        return lax.scan(lambda x, one: (jnp.tanh(x @ one), None), x, w)[0]

    def over_time(w, x):
        return lax.scan(lambda h, x: (jnp.tanh(h @ w["own"] + x @ w["in"]), h), X, x)[1]

    with pytest.raises(UncutError, match=r"a scan over layers \(.*test_cuts_of_program.py:\d+\) takes 100% of what"):
        cut(over_layers, stacked, X)
    square = jnp.ones((WIDTH, WIDTH))
    assert len(cut(over_time, {"own": square, "in": square}, jnp.ones((3, 2, WIDTH)))[1]) >= 1


def test_a_rule_around_the_whole_model_is_refused():
    """One equation is all there is."""

    @jax.custom_jvp
    def model(w, x):
        return x @ w

    model.defjvp(lambda primals, tangents: (model(*primals), tangents[1] @ primals[0]))
    with pytest.raises(UncutError, match=re.escape("one custom_jvp_call")):
        cut(model, jnp.ones((WIDTH, WIDTH)), X)


def test_a_global_norm_makes_a_sweep_of_its_own():
    """First every array to a number, then each by that: two pieces that take one array each, and nothing is carried."""
    arrays = [jnp.ones((50, 50))] * 3

    def clipped(arrays):
        norm = jnp.sqrt(sum(jnp.vdot(one, one) for one in arrays))
        return [one / norm for one in arrays]

    closed = jax.make_jaxpr(clipped)(arrays)
    steps = steps_of(closed, range(3), by_output=True)
    cuts = cuts_of(steps, set(steps.given))
    taken = [len(set(one.taken) & set(steps.given)) for one in cuts]
    assert max(taken) == 1
    assert sum(taken) == 6
    carried = [number for one in cuts for number in one.made if number not in steps.outputs]
    assert all(steps.avals[number].shape == () for number in carried)
