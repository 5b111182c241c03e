"""Attention, torch's own and written by hand: each fault a port makes in it is named."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import torch
from torch import nn
from torch.nn import functional as F

from tests.compare.explain.doctor.scenes import drawn, holds, scene_of, sound

Q, K, V = (drawn(2, 3, 4, 5, seed=seed) for seed in range(3))
MASK = np.random.default_rng(0).random((2, 1, 4, 4)) > 0.4
MASK[..., 0] = True
MASK[..., 1] = False
EMPTY = MASK.copy()
EMPTY[1, 0, 2] = False


class Attention(nn.Module):
    def __init__(self, **options):
        super().__init__()
        self.options = options

    def forward(self, q, k, v, mask=None):
        return F.scaled_dot_product_attention(q, k, v, mask, **self.options)


def attended(q, k, v, mask=None, scale=5**-0.5, axis=-1):
    scores = q @ k.swapaxes(-1, -2) * scale
    scores = jnp.where(mask, scores, -jnp.inf) if mask is not None else scores
    return jax.nn.softmax(scores, axis) @ v


def triangle(diagonal=0):
    return jnp.tril(jnp.ones((4, 4), bool), diagonal)


@pytest.mark.parametrize(
    ("setting", "value", "port"),
    [
        ("scale", "1", lambda q, k, v: attended(q, k, v, scale=1)),
        ("scale", "1 / sqrt(15)", lambda q, k, v: attended(q, k, v, scale=15**-0.5)),
        ("causal", "True", lambda q, k, v: attended(q, k, v, triangle())),
        ("axis", "queries", lambda q, k, v: attended(q, k, v, axis=-2)),
        ("order", "(query, value, key)", lambda q, k, v: attended(q, v, k)),
        ("order", "(key, query, value)", lambda q, k, v: attended(k, q, v)),
    ],
)
def test_without_a_mask(setting, value, port):
    """Scale, axis, order, a triangle too much."""
    sound(scene_of(Attention(), [Q, K, V], lambda p, q, k, v: attended(q, k, v)))
    holds(scene_of(Attention(), [Q, K, V], lambda p, *given: port(*given)), setting, value)


@pytest.mark.parametrize(
    ("value", "mask"), [("False", None), ("one later", triangle(1)), ("True", triangle())], ids=["no", "later", "sound"]
)
def test_a_causal_one(value, mask):
    """The triangle left out, or one off."""
    scene = scene_of(Attention(is_causal=True), [Q, K, V], lambda p, q, k, v: attended(q, k, v, mask))
    sound(scene) if value == "True" else holds(scene, "causal", value)


@pytest.mark.parametrize(
    ("setting", "value", "mask", "port"),
    [
        ("mask", "none", MASK, lambda q, k, v, m: attended(q, k, v)),
        ("mask", "True is masked", MASK, lambda q, k, v, m: attended(q, k, v, ~m)),
        ("mask", "transposed", MASK | np.eye(4, dtype=bool), lambda q, k, v, m: attended(q, k, v, m.swapaxes(-1, -2))),
        ("masked rows", "an average", EMPTY,
         lambda q, k, v, m: jax.nn.softmax(jnp.where(m, q @ k.swapaxes(-1, -2) * 5**-0.5, -1e30)) @ v),
    ],
    ids=["ignored", "inverted", "transposed", "rows"],
)  # fmt: skip
def test_a_mask(setting, value, mask, port):
    """Its polarity, its axes, and what becomes of a row without an entry."""
    holds(scene_of(Attention(), [Q, K, V, mask], lambda p, *given: port(*given)), setting, value)


def test_shared_heads():
    """Queries that share keys with neighbours, or with every second head."""
    q, k, v = drawn(2, 4, 3, 5), drawn(2, 2, 3, 5), drawn(2, 2, 3, 5, seed=1)
    for tile, own in ((lambda one: jnp.repeat(one, 2, 1), True), (lambda one: jnp.tile(one, (1, 2, 1, 1)), False)):
        scene = scene_of(Attention(enable_gqa=True), [q, k, v], lambda p, q, k, v, t=tile: attended(q, t(k), t(v)))
        sound(scene) if own else holds(scene, "repeat_interleave", "every n-th head")


def test_an_empty_row_is_zero_in_torch():
    """What the suspect of masked rows rests on."""
    out = Attention()(*(torch.from_numpy(one) for one in (Q, K, V, EMPTY)))
    assert not out[1, :, 2].any()


QS, KS, VS = (drawn(2, 4, 5, seed=seed) for seed in range(3))


class Plain(nn.Module):
    def forward(self, q, k, v):
        return torch.softmax(q @ k.transpose(-2, -1) * k.shape[-1] ** -0.5, -1) @ v


class Causal(nn.Module):
    def forward(self, q, k, v):
        allowed = torch.ones(4, 4, dtype=torch.bool).tril()
        scores = q @ k.transpose(-2, -1) / 5**0.5
        return torch.softmax(scores.masked_fill(~allowed, -1e9), -1) @ v


def by_hand(q, k, v, scale=5**-0.5, mask=None, axis=-1, fill=-1e9):
    scores = q @ k.swapaxes(-1, -2) * scale
    return jax.nn.softmax(scores if mask is None else jnp.where(mask, scores, fill), axis) @ v


def below(diagonal=0):
    return jnp.tril(jnp.ones((4, 4), bool), diagonal)


@pytest.mark.parametrize(
    ("setting", "value", "options"),
    [
        ("scale", "1", {"scale": 1}),
        ("scale", "2.236067977", {"scale": 5**0.5}),
        ("scale", "0.2", {"scale": 0.2}),
        ("causal", "yes", {"mask": below()}),
        ("axis", "1", {"axis": 1}),
    ],
)
def test_plain(setting, value, options):
    """Scale, axis, a triangle too much."""
    sound(scene_of(Plain(), [QS, KS, VS], lambda p, *given: by_hand(*given)))
    holds(scene_of(Plain(), [QS, KS, VS], lambda p, *given: by_hand(*given, **options)), setting, value)


@pytest.mark.parametrize(
    ("setting", "value", "options"),
    [
        ("causal", "no", {}),
        ("mask", "False is filled", {"mask": ~below()}),
        ("causal", "1", {"mask": below(1)}),
        ("triangle", "triu", {"mask": below().T}),
        ("fill", "0", {"mask": below(), "fill": 0}),
    ],
)
def test_masked(setting, value, options):
    """The triangle left out, inverted, one off, the other; the value that is filled in."""
    sound(scene_of(Causal(), [QS, KS, VS], lambda p, *given: by_hand(*given, mask=below())))
    holds(scene_of(Causal(), [QS, KS, VS], lambda p, *given: by_hand(*given, **options)), setting, value)
