"""Which differences arise where: one planted fault each, forward and backward; what is propagated is not named."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import torch
from flax import linen
from torch import nn

from compare.arrays.batch import Batch
from compare.explain.locate.difference import BACKWARD, FORWARD, LOSS, STATISTICS
from compare.explain.locate.introduced import Introduced, differs, introduced, leading
from compare.pair.pair import Pair
from compare.verdict.verdict import Judgement, Verdict
from compare.weights.entry import Entry, linear
from compare.weights.weights import WeightMap
from tests.compare.explain.locate.models import CLASSES, NORM, WIDTH, X, arising, cut, looked, scaled, seeded, stopped

RNG = np.random.default_rng(0)


def found(pair: Pair) -> list[tuple[str, str]]:
    """Direction and owner, each once; by plain oracles."""
    _, sections = cut(pair)
    return list(dict.fromkeys((one.direction, one.owner) for one in introduced(sections)))


ARISING = {
    "a sound chain": [],
    "a layer's output": [(FORWARD, "first")],
    "code between layers": [(FORWARD, "")],
    "a norm's epsilon": [(FORWARD, "norm")],
    "two layers": [(FORWARD, "first"), (FORWARD, "norm")],
    "not a number": [(FORWARD, "")],
    "another shape": [(FORWARD, "last")],
    "a layer's gradient": [(BACKWARD, "first")],
    "an input's gradient": [(BACKWARD, "first")],
    "a parameter's gradient": [(BACKWARD, "last")],
    "a gradient between layers": [(BACKWARD, "")],
    "forward and backward": [(FORWARD, "norm"), (BACKWARD, "first")],
    "the loss": [(LOSS, "loss")],
    "the loss's gradient": [(BACKWARD, "loss")],
    "a sound network": [],
    "a batch norm's epsilon": [(FORWARD, "norm")],
    "a batch norm's momentum": [(STATISTICS, "norm")],
    "evaluation, seen in training": [],
    "evaluation": [(FORWARD, "")],
    "sound attention": [],
    "a hundredth of an epsilon": [(FORWARD, "norm")],
    "a residual's gradient": [(BACKWARD, "")],
    "two blocks": [(FORWARD, "blocks.1"), (FORWARD, "blocks.2.norm")],
}


@pytest.mark.parametrize(("name", "expected"), ARISING.items(), ids=ARISING)
def test_a_difference_is_introduced_where_it_arises(name, expected):
    """There alone, however far it shows; norms that both sides raise to float32 hide nothing, and are none."""
    assert arising(looked(name)) == expected


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("the second block", (FORWARD, "blocks.1.norm")),
        ("the second block's gradient", (BACKWARD, "blocks.1")),
        ("the second block's code", (FORWARD, "blocks.1")),
    ],
)
def test_the_second_of_three_blocks_is_found(name, expected):
    """Introduced there only; in the port's own run what comes after it differs, or before it on the way back."""
    assert arising(looked(name)) == [expected]
    crossings = looked(name).sections.crossings
    outputs = {one.cut.path: one for one in crossings if one.cut.way == "out"}
    inputs = {one.cut.path: one for one in crossings if one.cut.way == "in"}
    assert not differs(outputs["blocks.0"].arrived)
    assert differs(inputs["blocks.0"].returned)
    assert differs(outputs["blocks.2"].arrived) is (expected[0] == FORWARD)
    assert not differs(outputs["blocks.2"].forward)
    assert not differs(inputs["blocks.0"].backward)


class Heads(nn.Module):
    """Two outputs."""

    def __init__(self) -> None:
        super().__init__()
        self.first, self.norm = nn.Linear(WIDTH, CLASSES), nn.LayerNorm(WIDTH)

    def forward(self, x: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        return self.first(x), self.norm(x)


class LinenHeads(linen.Module):
    """The same."""

    epsilon: float = 1e-5

    @linen.compact
    def __call__(self, x: Any) -> Any:
        return linen.Dense(CLASSES, name="first")(x), linen.LayerNorm(epsilon=self.epsilon, name="norm")(x)


def test_one_output_that_agrees_excuses_no_other():
    """The second of two heads differs."""
    lines = WeightMap(linear("first", "first"), NORM)
    pair = Pair(seeded(Heads), LinenHeads(1e-6), lambda rng: Batch.of(X), weight_map=lines)
    assert found(pair) == [(FORWARD, "norm")]


class Detached(nn.Module):
    """No gradient reaches the first layer."""

    def __init__(self) -> None:
        super().__init__()
        self.first, self.last = nn.Linear(WIDTH, 4), nn.Linear(4, CLASSES)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.last(torch.tanh(self.first(x)).detach())


class LinenDetached(linen.Module):
    """The same, or not."""

    detach: Callable[[Any], Any]

    @linen.compact
    def __call__(self, x: Any) -> Any:
        return linen.Dense(CLASSES, name="last")(self.detach(jnp.tanh(linen.Dense(4, name="first")(x))))


@pytest.mark.parametrize(("detach", "expected"), [(stopped, []), (scaled(1.0), [(BACKWARD, "")])])
def test_a_detach_that_the_port_lacks_is_found(detach, expected):
    """What comes back to the layer before it is held to the zero that the reference has there."""
    lines = WeightMap(linear("first", "first"), linear("last", "last"))
    pair = Pair(seeded(Detached), LinenDetached(detach), lambda rng: Batch.of(X), weight_map=lines)
    assert found(pair) == expected


class Padded(nn.Module):
    """An embedding whose entry 0 does not learn."""

    def __init__(self) -> None:
        super().__init__()
        self.embed, self.head = nn.Embedding(5, WIDTH, padding_idx=0), nn.Linear(WIDTH, CLASSES)

    def forward(self, ids: torch.Tensor) -> torch.Tensor:
        return self.head(self.embed(ids))


class LinenPadded(linen.Module):
    """One whose every entry does."""

    @linen.compact
    def __call__(self, ids: Any) -> Any:
        return linen.Dense(CLASSES, name="head")(linen.Embed(5, WIDTH, name="embed")(ids))


def test_an_embedding_is_named_although_no_floating_array_enters_it():
    """padding_idx: only the table's own gradient differs."""
    lines = WeightMap([Entry("embed.weight", "params/embed/embedding")], linear("head", "head"))
    pair = Pair(seeded(Padded), LinenPadded(), lambda rng: Batch.of(np.array([[0, 1], [3, 0]])), weight_map=lines)
    assert found(pair) == [(BACKWARD, "embed")]


def weighted(function: Callable[[Any, Any], Any], port: Callable[[Any, Any], Any], x: Any = X) -> Pair:
    return Pair(function, port, lambda rng: Batch.of(x), weights=lambda rng: {"w": rng.uniform(0.5, 1, WIDTH)})


@pytest.mark.parametrize(
    ("port", "expected"),
    [
        (lambda p, x: x * p["w"], []),
        (lambda p, x: 1.001 * x * p["w"], [(FORWARD, "")]),
        (lambda p, x: x * stopped(p["w"]), [(BACKWARD, "")]),
    ],
)
def test_functions_are_one_section(port, expected):
    """Without layers on either side, the model as a whole."""
    assert found(weighted(lambda p, x: x * p["w"], port)) == expected


def test_a_probe_on_which_a_gradient_alone_differs():
    """The length of a vector of zeros: torch's gradient is 0, that of a square root is not a number."""
    mine, theirs = lambda p, x: (x * p["w"]).norm(dim=-1), lambda p, x: jnp.sqrt(((x * p["w"]) ** 2).sum(-1))
    assert found(weighted(mine, theirs)) == []
    assert found(weighted(mine, theirs, np.zeros_like(X))) == [(BACKWARD, "")]


def test_a_reference_that_is_a_function_is_held_against_a_layer():
    """The whole models are the one pair of layers."""
    lines = WeightMap([Entry("w", "params/kernel"), Entry("b", "params/bias")])
    draw = {"weights": lambda rng: {"w": rng.standard_normal((WIDTH, 2)), "b": rng.standard_normal(2)}}
    mine = lambda p, x: x @ p["w"] + p["b"] * 1.001  # noqa: E731
    pair = Pair(mine, linen.Dense(2), lambda rng: Batch.of(X), weight_map=lines, **draw)
    assert found(pair) == [(FORWARD, "")]
    sound = replace(pair, reference=lambda p, x: x @ p["w"] + p["b"])
    assert found(sound) == []


class Positions(nn.Module):
    """A table of positions, looked up once for all rows, as most references do."""

    def __init__(self) -> None:
        super().__init__()
        self.table, self.head = nn.Embedding(5, WIDTH), nn.Linear(WIDTH, 2)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.head(x + self.table(torch.arange(5)[None]))


class PositionsLinen(linen.Module):
    """Looked up for each row."""

    first: int = 0

    @linen.compact
    def __call__(self, x: Any) -> Any:
        ids = jnp.broadcast_to((jnp.arange(5) + self.first) % 5, x.shape[:2])
        return linen.Dense(2, name="head")(x + linen.Embed(5, WIDTH, name="table")(ids))


@pytest.mark.parametrize("first", [0, 1])
def test_positions_once_and_in_each_row_are_the_same(first):
    """A sound table of another shape introduces nothing; one that is looked up elsewhere does."""
    pair = Pair(seeded(Positions), PositionsLinen(first), RNG.standard_normal((3, 5, WIDTH)).astype(np.float32))
    owners = {owner for _, owner in found(pair)}
    assert "table" in owners if first else not owners


def test_what_holds_no_finite_entry_says_nothing():
    """Neither does what was not judged."""
    match = looked("a sound chain").sections.crossings[0].forward
    said = {verdict: differs(replace(match, verdict=verdict)) for verdict in Verdict}
    assert said == {
        Verdict.MATCH: False,
        Verdict.INCOMPLETE: False,
        Verdict.FLOAT32_ONLY: True,
        Verdict.MISMATCH: True,
        Verdict.INVALID: True,
    }
    assert not differs(None)
    assert jax.config.jax_enable_x64 is False


def test_the_difference_that_matters_is_examined_first():
    """Not a table that is off by 5e-9 and comes before it; of two that are alike the first, whatever comes back."""

    def of(gap, direction=FORWARD):
        return [Introduced(direction, "layer", Judgement(Verdict.MISMATCH, gap=gap, scale=1.0))]

    assert leading([of(5e-9), of(1e-2), of(2e-2)]) == [1, 0, 2]
    assert leading([of(1e-3), of(1e-1)]) == [0, 1]
    assert leading([of(1e-6, BACKWARD), of(1e-1, BACKWARD)]) == [0, 1]
    assert leading([of(float("nan")), of(1.0)]) == [0, 1]
    assert leading([of(1e-12), of(1.0, BACKWARD)]) == [1, 0]
    assert leading([of(1e-5), of(1.0, BACKWARD)]) == [0, 1]


class Normed(nn.Module):
    """A dense layer and a batch norm."""

    def __init__(self) -> None:
        super().__init__()
        self.first, self.norm = nn.Linear(WIDTH, CLASSES), nn.BatchNorm1d(CLASSES)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.norm(torch.tanh(self.first(x)))


class LinenNormed(linen.Module):
    """The same, with a fault before the norm and its momentum."""

    momentum: float = 0.9

    @linen.compact
    def __call__(self, x: Any, train: bool) -> Any:
        x = jnp.tanh(linen.Dense(CLASSES, name="first")(x)) * 1.5
        return linen.BatchNorm(not train, momentum=self.momentum, epsilon=1e-5, name="norm")(x)


@pytest.mark.parametrize(("momentum", "expected"), [(0.9, []), (0.99, [(STATISTICS, "norm")])])
def test_what_a_layer_keeps_of_the_references_own_array_is_its_own_doing(momentum, expected):
    """Beside a fault before it: the statistics that only follow it are none."""
    pair = Pair(seeded(Normed), LinenNormed(momentum), X, accept=("running_variance",))
    _, sections = cut(pair, True)
    found_ = dict.fromkeys((one.direction, one.owner) for one in introduced(sections))
    assert list(found_) == [(FORWARD, ""), *expected]


class Cube(nn.Module):
    """As many channels as rows and columns, and an activation at the end."""

    def __init__(self) -> None:
        super().__init__()
        self.first, self.second = nn.Conv2d(4, 4, 3, padding=1), nn.Conv2d(4, 4, 3, padding=1)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return nn.functional.gelu(self.second(torch.tanh(self.first(x))).mean((2, 3)))


class LinenCube(linen.Module):
    """The same with channels last, and the other GELU."""

    @linen.compact
    def __call__(self, x: Any) -> Any:
        x = linen.Conv(4, (3, 3), padding="SAME", name="first")(x.transpose(0, 2, 3, 1))
        x = linen.Conv(4, (3, 3), padding="SAME", name="second")(jnp.tanh(x))
        return linen.gelu(x.mean((1, 2)))


class Tokens(nn.Module):
    """Positions as one row for all rows of the batch."""

    def __init__(self) -> None:
        super().__init__()
        self.tokens, self.positions, self.norm = nn.Embedding(11, WIDTH), nn.Embedding(8, WIDTH), nn.LayerNorm(WIDTH)

    def forward(self, ids: torch.Tensor) -> torch.Tensor:
        return self.norm(self.tokens(ids) + self.positions(torch.arange(ids.shape[1])[None]))


class LinenTokens(linen.Module):
    """Positions in each row, and Flax's epsilon."""

    @linen.compact
    def __call__(self, ids: Any) -> Any:
        at = jnp.broadcast_to(jnp.arange(ids.shape[1]), ids.shape)
        x = linen.Embed(11, WIDTH, name="tokens")(ids) + linen.Embed(8, WIDTH, name="positions")(at)
        return linen.LayerNorm(name="norm")(x)


@pytest.mark.parametrize(
    ("reference", "port", "batch", "bounds", "expected"),
    [
        (Cube, LinenCube, RNG.standard_normal((4, 4, 4, 4)).astype(np.float32), {}, (FORWARD, "")),
        (Tokens, LinenTokens, {"ids": np.arange(15).reshape(3, 5) % 11}, {"ids": (0, 11)}, (FORWARD, "norm")),
    ],
    ids=["channels, rows and columns alike", "positions once and in each row"],
)
def test_sound_layers_of_which_an_axis_could_be_another_introduce_nothing(reference, port, batch, bounds, expected):
    """One place, and no other."""
    assert found(Pair(seeded(reference), port(), batch, bounds=bounds, smooth=True)) == [expected]
