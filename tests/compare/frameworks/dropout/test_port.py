"""Every Flax dropout takes the next mask, at any depth of jit and remat; what cannot is named, and nothing stays."""

import re
import sys
import threading
from dataclasses import replace

import flax.linen.attention
import flax.linen.stochastic
import flax.nnx.nn.attention
import flax.nnx.nn.stochastic
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import linen, nnx
from jax.random import normal

from compare.frameworks.dropout.masks import draw
from compare.frameworks.dropout.pairing import DropoutReused
from compare.frameworks.dropout.port import SAMPLERS, DropoutMismatch, replayed
from compare.frameworks.models.linen_models import LinenModel
from compare.frameworks.models.nnx_models import NNXModel

KEYS = {"dropout": jax.random.key(0)}
HERE = "tests/compare/frameworks/dropout/test_port.py:"
SHAPE = (3, 6)
MASKS = [draw(1, number, SHAPE, 0.5) for number in range(3)]
DROP = linen.Dropout(0.5, deterministic=False)
X = np.random.default_rng(0).standard_normal(SHAPE).astype(np.float32)
W = np.random.default_rng(1).standard_normal((6, 6)).astype(np.float32)

pytestmark = pytest.mark.usefixtures("cpu")


def drop(x):
    return DROP.apply({}, x, rngs=KEYS)


def traced(function, *args, masks=MASKS, **kwargs):
    """What ``function`` returns, compiled under replay, and the record."""
    records = []

    @jax.jit
    def program(args, masks):
        with replayed(masks, **kwargs) as record:
            records.append(record)
            return function(*args)

    out = program([jnp.array(arg) for arg in args], [jnp.array(mask) for mask in masks])
    return out, records[0]


def by_hand(x, mask, rate=0.5):
    return np.where(mask, x / np.float32(1 - rate), np.float32(0))


def test_dropouts_take_the_masks_in_order():
    (one, other), record = traced(lambda x: (drop(x), drop(x)), X)
    assert np.array_equal(one, by_hand(X, MASKS[0]))
    assert np.array_equal(other, by_hand(X, MASKS[1]))
    assert (record.used, record.unused, record.not_compared) == ([0, 1], [2], [])
    assert [dropout.shape for dropout in record.asked] == [SHAPE, SHAPE]
    assert record.asked[0].rate == 0.5
    assert record.asked[0].where.startswith(HERE)


def test_what_draws_nothing_is_traced_once_for_every_replay_without_masks():
    """A user's own compiled function is found again, until something draws."""
    traces = []

    @jax.jit
    def inner(x):
        traces.append(1)
        return x * 2

    for _ in range(3):
        traced(inner, X, masks=[])
    assert len(traces) == 1
    traced(lambda x: inner(drop(x)), X)  # with masks nothing is shared
    assert len(traces) == 2


def test_what_is_drawn_by_hand_inside_is_listed_in_every_replay():
    """The program that drew is not found again, in which it would be drawn unseen; nor one from outside of a replay."""

    @jax.jit
    def inner(x, key):
        return x * jax.random.bernoulli(key, 0.5, x.shape)

    inner(X, KEYS["dropout"])
    for _ in range(3):
        _, record = traced(lambda x: inner(x, KEYS["dropout"]), X, masks=[])
        assert len(record.not_compared) == 1
        assert "drawn by hand" in record.not_compared[0]


def test_a_dropout_without_a_mask_is_refused_in_every_replay():
    """Whatever was traced before it."""
    inner = jax.jit(lambda x: drop(x))
    inner(X)
    for _ in range(2):
        with pytest.raises(DropoutMismatch):
            traced(inner, X, masks=[])


def test_masks_are_arguments_of_the_compiled_program():
    """One trace serves every mask: they are no constants in it."""
    traces = []

    @jax.jit
    def program(x, mask):
        traces.append(1)
        with replayed([mask]):
            return drop(x)

    for mask in MASKS:
        assert np.array_equal(program(X, mask), by_hand(X, mask))
    assert len(traces) == 1


def test_the_gradient_goes_through_the_same_mask():
    grad, _ = traced(jax.grad(lambda x: (drop(x) * X).sum()), X)
    assert np.array_equal(grad, by_hand(X, MASKS[0]))


def test_a_library_that_cannot_be_watched_is_named_where_it_draws(monkeypatch):
    """A version that calls ``jax.random`` otherwise is no matter to the other libraries' dropouts."""
    monkeypatch.setattr(NNXModel, "draws", replace(NNXModel.draws, name="jrandom"))
    out, record = traced(drop, X)
    assert np.array_equal(out, by_hand(X, MASKS[0]))
    assert record.not_compared == []
    monkeypatch.setattr(LinenModel, "draws", replace(LinenModel.draws, name="jrandom"))
    out, record = traced(drop, X)
    assert not np.array_equal(out, by_hand(X, MASKS[0]))
    (line,) = record.not_compared
    assert line.startswith(f"dropout at {HERE}")
    assert line.endswith(": this version of flax cannot be watched")


def test_rates_0_and_1_and_evaluation_draw_nothing():
    def function(x):
        zero, one = linen.Dropout(0.0, deterministic=False), linen.Dropout(1.0, deterministic=False)
        off = linen.Dropout(0.5, deterministic=True)
        return zero.apply({}, x), one.apply({}, x), off.apply({}, x)

    (zero, one, off), record = traced(function, X)
    assert np.array_equal(zero, X)
    assert not one.any()
    assert np.array_equal(off, X)
    assert record.used == []


class NnxTwo(nnx.Module):
    def __init__(self):
        rngs = nnx.Rngs(0)
        self.one, self.two = nnx.Dropout(0.5, rngs=rngs), nnx.Dropout(0.5, rngs=rngs)

    def __call__(self, x):
        return self.two(self.one(x))


def test_nnx_takes_them_on_a_copy_and_the_users_module_stays():
    model = NnxTwo()
    graph, state = nnx.split(model)
    before = [int(leaf[...]) for leaf in (model.one.rngs.count, model.two.rngs.count)]
    out, record = traced(lambda x: nnx.merge(graph, state, copy=True)(x), X)
    assert np.array_equal(out, by_hand(by_hand(X, MASKS[0]), MASKS[1]))
    assert record.used == [0, 1]
    assert [int(leaf[...]) for leaf in (model.one.rngs.count, model.two.rngs.count)] == before
    assert model(jnp.array(X)).shape == SHAPE


def plain_block(w, x):
    return drop(x @ w)


jitted_block = jax.jit(plain_block)
remat_block = jax.checkpoint(plain_block)
nnx_drop = nnx.jit(lambda model, x: model(x))
nnx_remat = nnx.remat(lambda model, x: model(x))


@pytest.mark.parametrize("block", [jitted_block, remat_block, jax.jit(remat_block)])
def test_inner_programs_take_each_their_own_mask(block):
    """The same inner program twice, after it was compiled outside: neither that one nor its first mask is used again.

    And afterwards the user's own calls of it draw again, and find no tracer that was left in it.
    """

    def loss(block):
        return lambda w, x: jax.value_and_grad(lambda w: (block(w, block(w, x)) ** 2).sum())(w)

    before = block(W, X)
    wanted, _ = traced(loss(plain_block), W, X)
    found, record = traced(loss(block), W, X)
    assert record.used == [0, 1]
    assert all(np.allclose(one, other, rtol=1e-5) for one, other in zip(wanted, found, strict=True))
    assert np.array_equal(block(W, X), before)
    assert np.allclose(jax.jit(lambda: block(W, X))(), before, atol=1e-5)
    assert jax.grad(lambda w: block(w, X).sum())(W).shape == W.shape
    again, record = traced(loss(block), W, X, masks=MASKS[::-1])
    assert record.used == [0, 1]
    assert not np.array_equal(again[0], found[0])


@pytest.mark.parametrize("through", [nnx_drop, nnx_remat])
def test_nnx_inner_programs_take_theirs(through):
    split = nnx.split(nnx.Dropout(0.5, rngs=nnx.Rngs(0)))

    def function(x):
        model = nnx.merge(*split, copy=True)
        return through(model, through(model, x))

    out, record = traced(function, X)
    assert record.used == [0, 1]
    assert np.array_equal(out, by_hand(by_hand(X, MASKS[0]), MASKS[1]))


class Dense(linen.Module):
    @linen.compact
    def __call__(self, x):
        return drop_layer()(linen.Dense(6)(x))


def drop_layer():
    return linen.Dropout(0.5, deterministic=False)


class Lifted(linen.Module):
    kind: str

    @linen.compact
    def __call__(self, x):
        if self.kind == "scan":
            rngs = {"params": True, "dropout": True}
            step = linen.scan(
                lambda _, x, __: (Dense()(x), None), variable_axes={"params": 0}, split_rngs=rngs, length=2
            )
            return step(self, x, None)[0]
        if self.kind == "vmap":
            return linen.vmap(Dense, variable_axes={"params": 0}, split_rngs={"params": True, "dropout": True})()(x)
        return linen.remat(Dense)()(linen.remat(Dense)()(x))


BODIES = {
    "a scan or a loop": [
        lambda x: jax.lax.scan(lambda carry, _: (drop(carry), None), x, None, 3)[0],
        lambda x: jax.lax.fori_loop(0, 3, lambda _, carry: drop(carry), x),
        lambda x: jax.lax.while_loop(lambda carry: carry[0, 0] > 9, drop, x),
        lambda x: jax.lax.map(drop, x),
    ],
    "a vmap": [jax.vmap(drop)],
    "a cond or a switch": [
        lambda x: jax.lax.cond(x[0, 0] > 0, drop, lambda x: x, x),
        lambda x: jax.lax.switch(0, [drop, drop], x),
    ],
}


@pytest.mark.parametrize(("kind", "function"), [(kind, f) for kind, functions in BODIES.items() for f in functions])
def test_a_body_without_one_mask_of_its_own_is_named(kind, function):
    out, record = traced(lambda x: drop(function(x)), X)
    assert record.not_compared == [f"dropout inside {kind} at {record.asked[0].where.split(':')[0]}:{LINE}"]
    assert not record.in_order
    assert record.used == [0]
    assert np.isfinite(out).all()


LINE = drop.__code__.co_firstlineno + 1


@pytest.mark.parametrize(("kind", "named"), [("scan", "a scan or a loop"), ("vmap", "a vmap"), ("remat", None)])
def test_linens_lifted_bodies_are_told_apart(kind, named):
    model = Lifted(kind)
    variables = model.init({"params": jax.random.key(0), **KEYS}, X)
    _, record = traced(lambda x: model.apply(variables, x, rngs=KEYS), X)
    if named is None:
        assert (record.used, record.not_compared) == ([0, 1], [])
    else:
        [line] = record.not_compared
        assert line.startswith(f"dropout inside {named} at {HERE}")
        assert record.used == []


@pytest.mark.parametrize(
    ("name", "function"),
    [
        ("bernoulli", lambda x: jnp.where(jax.random.bernoulli(jax.random.key(0), 0.5, x.shape), x, 0.0)),
        ("normal", lambda x: x + normal(jax.random.key(0), x.shape)),
        ("normal", lambda x: x + nnx.Rngs(0).normal(x.shape)),
        ("uniform", lambda x: x * jax.random.uniform(jax.random.split(jax.random.key(0))[0])),
        ("permutation", lambda x: jax.random.permutation(jax.random.key(0), x)),
    ],
)
def test_numbers_drawn_by_hand_are_named_with_their_line(name, function):
    function(X)
    _, record = traced(function, X)
    [line] = record.not_compared
    assert line.startswith(f"jax.random.{name}, drawn by hand, at {HERE}")


@pytest.mark.parametrize("keep", [0.0, 1.0])
def test_bernoulli_of_all_or_nothing_is_no_number_drawn(keep):
    """A stochastic depth of rate 0, written by hand; what else is drawn on the line is named."""

    def dropped(x, keep, more=0.0):
        return x * jax.random.bernoulli(jax.random.key(0), keep, (1, 1)) + more

    assert traced(lambda x: dropped(x, keep), X)[1].not_compared == []
    assert len(traced(lambda x: dropped(x, 0.5), X)[1].not_compared) == 1
    assert len(traced(lambda x: dropped(x, keep, jax.random.normal(jax.random.key(0))), X)[1].not_compared) == 1
    assert len(traced(lambda x: dropped(x, jnp.float32(keep)), X)[1].not_compared) == 1


def test_parameters_and_keys_are_no_numbers_drawn_by_hand():
    """Flax runs each initializer in every apply, for its shape alone, and derives a key for every dropout."""
    model = Dense()
    variables = model.init({"params": jax.random.key(0), **KEYS}, X)
    _, record = traced(lambda x: model.apply(variables, x, rngs={"dropout": jax.random.fold_in(KEYS["dropout"], 3)}), X)
    assert record.not_compared == []


@pytest.mark.parametrize("shape", [(3, 2, 4, 4), (6, 4, 4)])
@pytest.mark.parametrize("shared", [True, False])
@pytest.mark.parametrize("leg", ["linen", "nnx"])
def test_attention_takes_a_mask_per_head_and_names_one_for_all(shape, shared, leg):
    x = np.ones((3, 4, 6), np.float32)
    options = {"num_heads": 2, "dropout_rate": 0.5, "broadcast_dropout": shared, "deterministic": False}
    if leg == "linen":
        model = linen.MultiHeadDotProductAttention(**options)
        variables = model.init({"params": jax.random.key(0), **KEYS}, x)
        function = lambda x: drop(model.apply(variables, x, rngs=KEYS))  # noqa: E731
    else:
        split = nnx.split(nnx.MultiHeadAttention(in_features=6, decode=False, rngs=nnx.Rngs(0), **options))
        function = lambda x: drop(nnx.merge(*split, copy=True)(x))  # noqa: E731
    _, record = traced(function, x, masks=[np.ones(shape, bool), np.ones((3, 4, 6), bool)])
    assert record.unused == []
    assert record.used == ([1] if shared else [0, 1])
    assert record.passed == ([0] if shared else [])
    assert [line.split(" at ")[0] for line in record.not_compared] == (
        ["attention's dropout with broadcast_dropout=True"] if shared else []
    )


def test_broadcast_dimensions_pair_only_with_a_mask_of_ones_there():
    layer = linen.Dropout(0.5, broadcast_dims=(1,), deterministic=False)
    x, mask = np.ones((2, 3, 4), np.float32), draw(0, 0, (2, 1, 4), 0.5)
    out, _ = traced(lambda x: layer.apply({}, x, rngs=KEYS), x, masks=[mask])
    assert np.array_equal(out, by_hand(x, np.broadcast_to(mask, x.shape)))
    with pytest.raises(DropoutMismatch, match=r"\(2, 1, 4\).*\(2, 3, 4\)"):
        traced(lambda x: layer.apply({}, x, rngs=KEYS), x, masks=[draw(0, 0, (2, 3, 4), 0.5)])


def test_channels_last_is_taken_only_where_it_is_said():
    x, mask = np.ones((2, 4, 5, 3), np.float32), draw(0, 0, (2, 3, 4, 5), 0.5)
    out, _ = traced(drop, x, masks=[mask], channels_last=True)
    assert np.array_equal(out, by_hand(x, mask.transpose(0, 2, 3, 1)))
    with pytest.raises(DropoutMismatch):
        traced(drop, x, masks=[mask])


def patched():
    modules = (flax.linen.stochastic, flax.linen.attention, flax.nnx.nn.stochastic, flax.nnx.nn.attention)
    return [module.random for module in modules] + [sys.modules[SAMPLERS]._check_prng_key]


def test_everything_is_put_back_after_an_exception_too():
    before, drawn = patched(), np.asarray(drop(X))
    with pytest.raises(DropoutMismatch):
        traced(drop, X, masks=[])
    with replayed(MASKS):
        assert all(one is not other for one, other in zip(patched(), before, strict=True))
    with pytest.raises(ZeroDivisionError), replayed(MASKS):
        raise ZeroDivisionError
    assert all(one is other for one, other in zip(patched(), before, strict=True))
    assert np.array_equal(drop(X), drawn)


def test_a_second_replay_is_refused_and_other_threads_are_left_alone():
    drawn, others = np.asarray(drop(X)), []
    with replayed(MASKS) as record:
        with pytest.raises(RuntimeError, match="already being replayed"), replayed(MASKS):
            pass
        other = threading.Thread(
            target=lambda: others.append(np.asarray(drop(X)) + np.asarray(normal(KEYS["dropout"])))
        )
        other.start()
        other.join()
    assert np.array_equal(others[0], drawn + np.asarray(normal(KEYS["dropout"])))
    assert (record.used, record.not_compared) == ([], [])


class Reused(linen.Module):
    """Two layers, each with a key of its own, or both with one."""

    alike: bool

    @linen.compact
    def __call__(self, x):
        one, other = jax.random.split(self.make_rng("dropout"))
        x = linen.Dropout(0.5, deterministic=False)(x, rng=one)
        return linen.Dropout(0.5, deterministic=False)(x, rng=one if self.alike else other)


def test_a_key_that_two_dropouts_draw_with_is_refused():
    """The masks that are replayed would hide that both drop the same; keys of their own are fine."""

    def run(alike):
        return lambda x: Reused(alike).apply({}, x, rngs={"dropout": jax.random.key(0)})

    assert traced(run(False), X)[1].used == [0, 1]
    with pytest.raises(DropoutReused, match=rf"the dropout at {re.escape(HERE)}\d+ draws with the key of the one at "):
        traced(run(True), X)
