"""Linear layers, products and embeddings: each fault a port makes in one is named."""

import jax.numpy as jnp
import numpy as np
import pytest
import torch
from torch import nn

from tests.compare.explain.doctor.scenes import drawn, holds, moved, scene_of, sound

X = drawn(3, 6)


def dense(kernel=lambda w: w, bias=lambda b: b):
    return lambda p, x: x @ kernel(p["weight"]).T + bias(p["bias"])


def blocks(order, parts):
    def reorder(one):
        pieces = jnp.split(one, parts)
        return jnp.concatenate([pieces[place] for place in order])

    return reorder


ROWS = [
    ("bias", "none", dense(bias=jnp.zeros_like)),
    ("transposed", "transposed", dense(jnp.transpose)),
    ("weight", "outputs reversed", dense(lambda w: w[::-1], lambda b: b[::-1])),
    ("order of the packed weight", "(1, 0)", dense(blocks((1, 0), 2), blocks((1, 0), 2))),
    ("order of the packed weight", "(0, 2, 1)", dense(blocks((0, 2, 1), 3), blocks((0, 2, 1), 3))),
    ("order of the packed weight", "(2, 0, 1)", dense(blocks((2, 0, 1), 3), blocks((2, 0, 1), 3))),
    ("inputs' order", None, dense(lambda w: jnp.roll(w, 3, 1))),
    ("call", "none", lambda p, x: x),
    ("parameter", "zero", lambda p, x: x * 0 + p["bias"]),
]


@pytest.mark.parametrize(("setting", "value", "port"), ROWS, ids=[f"{row[0]} {row[1]}" for row in ROWS])
def test_a_linear_layer(setting, value, port):
    """A square one, where the wrong layout keeps every shape."""
    module = moved(nn.Linear(6, 6))
    sound(scene_of(module, [X], dense()))
    holds(scene_of(module, [X], port), setting, value)


class Packed(nn.Module):
    """Queries, keys and values in one matrix, for two heads."""

    num_heads = 2

    def __init__(self):
        super().__init__()
        self.qkv = nn.Linear(6, 18)

    def forward(self, x):
        return self.qkv(x) * 1.0


def test_a_packed_weight_by_head():
    """(3 x heads) or (heads x 3)."""

    def port(p, x):
        def order(one):
            return one.reshape(2, 3, 3, *one.shape[1:]).swapaxes(0, 1).reshape(one.shape)

        return x @ order(p["qkv.weight"]).T + order(p["qkv.bias"])

    holds(scene_of(moved(Packed()), [X], port), "order of the packed weight", "heads x 3")


class Product(nn.Module):
    def __init__(self):
        super().__init__()
        self.w = nn.Parameter(torch.ones(6, 6))

    def forward(self, x):
        return x @ self.w


def test_a_product_by_hand():
    """Its second factor transposed."""
    module = moved(Product())
    holds(scene_of(module, [X], lambda p, x: x @ p["w"].T), "transposed", "second factor transposed")
    holds(scene_of(module, [drawn(6, 6)], lambda p, x: p["w"] @ x), "product", "b @ a")


@pytest.mark.parametrize(
    ("setting", "value", "port"),
    [
        ("scale", "2", lambda p, i: p["weight"][i] * 2),
        ("padding_idx", "zero", lambda p, i: p["weight"][i] * (i != 0)[..., None]),
        ("index", "i +1", lambda p, i: p["weight"][(i + 1) % 7]),
    ],
)
def test_an_embedding(setting, value, port):
    """Scaled by the root of its width, its padding row, its indices."""
    index = np.array([[0, 1, 6], [3, 0, 2]])
    module = moved(nn.Embedding(7, 4))
    sound(scene_of(module, [index], lambda p, i: p["weight"][i]))
    holds(scene_of(module, [index], port), setting, value)
