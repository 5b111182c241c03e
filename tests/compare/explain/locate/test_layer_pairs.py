"""Which layer of the reference is which of the port's."""

from typing import Any

import numpy as np
import pytest
import torch
from flax import linen, nnx
from torch import nn

from compare.arrays.batch import Batch
from compare.arrays.views import View, transposed
from compare.explain.locate.layer_pairs import paired_modules
from compare.pair.pair import Pair
from compare.pair.prepare import prepare
from compare.weights.entry import Entry, linear
from compare.weights.weights import WeightMap
from tests.compare.explain.locate.models import WIDTH, NNXBlocks, X, blocks_pair, seeded

ROWS = tuple(View((("slice", (0, at * WIDTH, (at + 1) * WIDTH)),)) for at in range(3))


def paired(reference: Any, port: Any, *lines: Any, batch: Any = X, **fields: Any) -> dict[str, str]:
    """By the port's paths, from a map that is given, or found."""
    weight_map = WeightMap(*lines) if lines else None
    pair = Pair(reference, port, lambda rng: Batch.of(batch), weight_map=weight_map, name="modules", **fields)
    return paired_modules(prepare(pair))


class Of(nn.Module):
    """Layers one after another."""

    def __init__(self, **layers: nn.Module) -> None:
        super().__init__()
        for name, layer in layers.items():
            self.add_module(name, layer)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        for layer in self.children():
            x = layer(x)
        return x


class Named(linen.Module):
    """One layer by name, or a chain of modules inside each other that ends in a dense layer."""

    names: tuple[str, ...]

    @linen.compact
    def __call__(self, x: Any) -> Any:
        if len(self.names) == 1:
            return linen.Dense(WIDTH, name=self.names[0])(x)
        return Named(self.names[1:], name=self.names[0])(x)


def dense() -> nn.Module:
    return nn.Linear(WIDTH, WIDTH)


def test_layers_are_paired_through_containers():
    """Every layer and every block, not the list that only torch has; the whole models always."""
    expected = {"": "", "head": "head"}
    for number in range(3):
        expected |= {f"block_{number}{inner}": f"blocks.{number}{inner.replace('/', '.')}"
                     for inner in ("", "/norm", "/fc")}  # fmt: skip
    assert paired_modules(prepare(blocks_pair())) == expected


def test_a_list_of_modules_is_no_layer_but_its_modules_are():
    """NNX has the list as well: it is called by nobody, and pairs with torch's."""
    pairs = paired_modules(prepare(blocks_pair(NNXBlocks())))
    assert pairs["blocks/1/norm"] == "blocks.1.norm"
    assert pairs["blocks/2"] == "blocks.2"


@pytest.mark.parametrize(
    ("mine", "theirs", "expected"),
    [
        (Of(a=dense()), Named(("a",)), {"a": "a"}),
        (Of(outer=Of(a=dense())), Named(("outer", "a")), {"outer": "outer", "outer/a": "outer.a"}),
        (Of(outer=Of(a=dense())), Named(("a",)), {"a": "outer.a"}),
        (Of(a=dense()), Named(("outer", "a")), {"outer/a": "a"}),
        (Of(o=Of(m=Of(a=dense()))), Named(("o", "a")), {"o": "o", "o/a": "o.m.a"}),
    ],
)
def test_wrappers_inside_each_other_are_paired_from_the_outside_in(mine, theirs, expected):
    """The layers that hold the weights first; a wrapper that one side lacks has no pair."""
    weights = next(name for name, _ in mine.named_parameters()).removesuffix(".weight")
    pairs = paired(seeded(lambda: mine), theirs, linear(weights, "/".join(theirs.names)))
    assert pairs == {"": ""} | expected


class Packed(nn.Module):
    """q, k and v in one matrix."""

    def __init__(self) -> None:
        super().__init__()
        self.qkv, self.out = nn.Linear(WIDTH, 3 * WIDTH, bias=False), dense()

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        q, k, v = self.qkv(x).chunk(3, -1)
        return self.out(torch.softmax(q @ k.T, -1) @ v)


class Unpacked(linen.Module):
    """In three."""

    @linen.compact
    def __call__(self, x: Any) -> Any:
        q, k, v = (linen.Dense(WIDTH, use_bias=False, name=name)(x) for name in "qkv")
        return linen.Dense(WIDTH, name="out")(linen.softmax(q @ k.T) @ v)


def test_packed_projections_have_no_single_counterpart():
    """Each of the port's holds a part of the reference's: none is paired; what follows is."""
    parts = [Entry("qkv.weight", f"params/{name}/kernel", rows.then("transpose", (1, 0)))
             for name, rows in zip("qkv", ROWS, strict=True)]  # fmt: skip
    assert paired(seeded(Packed), Unpacked(), parts, linear("out", "out")) == {"": "", "out": "out"}


class Tied(nn.Module):
    """A head that is the embedding."""

    def __init__(self) -> None:
        super().__init__()
        self.embed, self.head = nn.Embedding(4, WIDTH), nn.Linear(WIDTH, 4, bias=False)
        self.head.weight = self.embed.weight

    def forward(self, ids: torch.Tensor) -> torch.Tensor:
        return self.head(torch.tanh(self.embed(ids)))


class LinenTied(linen.Module):
    """The same."""

    @linen.compact
    def __call__(self, ids: Any) -> Any:
        embed = linen.Embed(4, WIDTH, name="embed")
        return embed.attend(linen.tanh(embed(ids)))


def test_tied_weights_are_paired_under_their_first_name():
    """The head is a use of the embedding."""
    line = [Entry("embed.weight", "params/embed/embedding")]
    assert paired(seeded(Tied), LinenTied(), line, batch=np.array([[0, 3], [2, 1]])) == {"": "", "embed": "embed"}


def test_a_model_that_is_one_layer_is_a_pair():
    """Its arrays stand at the root on both sides."""
    assert paired(seeded(dense), nnx.Linear(WIDTH, WIDTH, rngs=nnx.Rngs(0))) == {"": ""}


def test_functions_have_no_layers():
    """On either side: the whole model is one section."""
    weights = {"weights": lambda rng: {"w": rng.standard_normal(WIDTH)}}
    assert paired(lambda p, x: x * p["w"], lambda p, x: x * p["w"], **weights) == {}
    kernel = [Entry("w", "params/kernel", transposed(1, 0)), Entry("b", "params/bias")]
    drawn = {"weights": lambda rng: {"w": rng.standard_normal((WIDTH, WIDTH)), "b": rng.standard_normal(WIDTH)}}
    function = lambda p, x: x @ p["w"].T + p["b"]  # noqa: E731
    assert paired(function, linen.Dense(WIDTH), kernel, **drawn) == {"": ""}
