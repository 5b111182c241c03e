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

from compare.batch import Batch
from compare.locate.difference import BACKWARD, FORWARD, LOSS, STATISTICS
from compare.locate.introduced import differs, introduced
from compare.pair import Pair
from compare.verdict import Verdict
from compare.weights import Entry, WeightMap, linear
from tests.compare.locate.models import (
    CLASSES,
    NORM,
    WIDTH,
    LinenBlocks,
    LinenChain,
    NNXBlocks,
    X,
    attention_pair,
    blocks_pair,
    chain_pair,
    conv_pair,
    cut,
    seeded,
    slightly,
    stopped,
)
from tests.compare.locate.models import LOSS as SQUARES


def arising(pair: Pair, mode: Any = None, promoted: bool = False) -> list[tuple[str, str]]:
    """Direction and owner, each once."""
    _, sections = cut(pair, mode, promoted)
    return list(dict.fromkeys((one.direction, one.owner) for one in introduced(sections)))


def scaled(by: float) -> Callable[[Any], Any]:
    return lambda x: x * by


def chain(**faults: Any) -> Pair:
    return chain_pair(LinenChain(**faults))


FAULTS: dict[str, tuple[Callable[[], Pair], Any, list[tuple[str, str]]]] = {
    "none": (chain, None, []),
    "a layer's output": (lambda: chain(first={"output": scaled(1 + 1e-6)}), None, [(FORWARD, "first")]),
    "code between layers": (lambda: chain(between=scaled(1 + 1e-6)), None, [(FORWARD, "")]),
    "a norm's epsilon": (lambda: chain(epsilon=1e-6), None, [(FORWARD, "norm")]),
    "two layers": (
        lambda: chain(first={"output": jnp.abs}, epsilon=1e-6), None, [(FORWARD, "first"), (FORWARD, "norm")]),
    "not a number in the port alone": (
        lambda: chain(between=lambda x: jnp.where(x > 0.5, jnp.nan, x)), None, [(FORWARD, "")]),
    "an output of another shape": (lambda: chain(last={"output": lambda z: z[:, :2]}), None, [(FORWARD, "last")]),
    "a layer's backward pass": (lambda: chain(first={"output": slightly}), None, [(BACKWARD, "first")]),
    "its input's gradient alone": (lambda: chain(first={"input": slightly}), None, [(BACKWARD, "first")]),
    "a parameter's gradient alone": (lambda: chain(last={"bias": stopped}), None, [(BACKWARD, "last")]),
    "the backward pass between layers": (lambda: chain(between=stopped), None, [(BACKWARD, "")]),
    "forward in one layer, backward in another": (
        lambda: chain(first={"output": slightly}, epsilon=1e-6), None, [(FORWARD, "norm"), (BACKWARD, "first")]),
    "the loss": (lambda: chain_pair(loss=(SQUARES[0], lambda z: 1.0001 * SQUARES[1](z))), None, [(LOSS, "loss")]),
    "the loss's gradient": (
        lambda: chain_pair(loss=(SQUARES[0], lambda z: SQUARES[1](slightly(z)))), None, [(BACKWARD, "loss")]),
    "a sound convolution in training": (conv_pair, True, []),
    "a batch norm's epsilon": (lambda: conv_pair(epsilon=1e-3), True, [(FORWARD, "norm")]),
    "a batch norm's momentum": (lambda: conv_pair(momentum=0.99), True, [(STATISTICS, "norm")]),
    "no difference in training": (lambda: conv_pair(evaluation=scaled(1.001)), True, []),
    "a difference in evaluation": (lambda: conv_pair(evaluation=scaled(1.001)), False, [(FORWARD, "")]),
}  # fmt: skip


@pytest.mark.parametrize(("pair", "mode", "expected"), FAULTS.values(), ids=FAULTS)
def test_a_difference_is_introduced_where_it_arises(pair, mode, expected):
    """There alone, however far it shows."""
    assert arising(pair(), mode) == expected


@pytest.mark.parametrize(
    ("fault", "expected"),
    [({}, []), ({"epsilon": 1.01e-6}, [(FORWARD, "norm")]), ({"residual": slightly}, [(BACKWARD, "")])],
)
def test_a_norm_raised_to_float32_on_both_sides_hides_nothing(fault, expected):
    """By promoted oracles, beside attention with a kernel per head: rounding introduces nothing, and the hundredth part
    of an epsilon is found."""
    assert arising(attention_pair(**fault), promoted=True) == expected


@pytest.mark.parametrize(
    ("port", "fault", "expected"),
    [
        (LinenBlocks, {"epsilon": 1e-6}, (FORWARD, "blocks.1.norm")),
        (LinenBlocks, {"after_norm": stopped}, (BACKWARD, "blocks.1")),
        (NNXBlocks, {"after_norm": scaled(1.0001)}, (FORWARD, "blocks.1")),
    ],
)
def test_the_second_of_three_blocks_is_found(port, fault, expected):
    """Introduced there only; in the port's own run what comes after it differs, or before it on the way back."""
    _, sections = cut(blocks_pair(port(faults={1: fault})))
    assert {(one.direction, one.owner) for one in introduced(sections)} == {expected}
    outputs = {one.cut.path: one for one in sections.crossings if one.cut.way == "out"}
    inputs = {one.cut.path: one for one in sections.crossings if one.cut.way == "in"}
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
    assert arising(pair) == [(FORWARD, "norm")]


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
    assert arising(pair) == expected


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
    assert arising(pair) == [(BACKWARD, "embed")]


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
    assert arising(weighted(lambda p, x: x * p["w"], port)) == expected


def test_a_probe_on_which_a_gradient_alone_differs():
    """The length of a vector of zeros: torch's gradient is 0, that of a square root is not a number."""
    mine, theirs = lambda p, x: (x * p["w"]).norm(dim=-1), lambda p, x: jnp.sqrt(((x * p["w"]) ** 2).sum(-1))
    assert arising(weighted(mine, theirs)) == []
    assert arising(weighted(mine, theirs, np.zeros_like(X))) == [(BACKWARD, "")]


def test_a_reference_that_is_a_function_is_held_against_a_layer():
    """The whole models are the one pair of layers."""
    lines = WeightMap([Entry("w", "params/kernel"), Entry("b", "params/bias")])
    draw = {"weights": lambda rng: {"w": rng.standard_normal((WIDTH, 2)), "b": rng.standard_normal(2)}}
    mine = lambda p, x: x @ p["w"] + p["b"] * 1.001  # noqa: E731
    pair = Pair(mine, linen.Dense(2), lambda rng: Batch.of(X), weight_map=lines, **draw)
    assert arising(pair) == [(FORWARD, "")]
    sound = replace(pair, reference=lambda p, x: x @ p["w"] + p["b"])
    assert arising(sound) == []


def test_what_holds_no_finite_entry_says_nothing():
    """Neither does what was not judged."""
    _, sections = cut(chain_pair())
    match = sections.crossings[0].forward
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
