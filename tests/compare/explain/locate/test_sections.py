"""Both sides cut at the same places: layouts settled on the way, in-place code, checkpoints, outputs of every form."""

from collections import OrderedDict
from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any

import flax.struct
import jax.numpy as jnp
import numpy as np
import pytest
import torch
from flax import linen
from torch import nn
from torch.utils.checkpoint import checkpoint

from compare.arrays.batch import Batch
from compare.explain.locate.cuts import IN, OUT, Cut, Passage
from compare.explain.locate.introduced import differs
from compare.explain.locate.sections import Cutter, Sections
from compare.pair.pair import Pair
from compare.verdict.verdict import Verdict
from compare.weights.entry import linear
from compare.weights.weights import WeightMap
from tests.compare.explain.locate.models import (
    CHAIN,
    IMAGES,
    NORM,
    WIDTH,
    Chain,
    X,
    chain_pair,
    cut,
    looked,
    seeded,
)


def judged(sections: Sections) -> set[Verdict]:
    """Everything that was judged, in both runs and directions."""
    seen = [one for crossing in sections.crossings
            for one in (crossing.forward, crossing.arrived, crossing.backward, crossing.returned)]  # fmt: skip
    return {one.verdict for one in [*seen, *sections.ends.values(), *sections.free_ends.values()] if one is not None}


def boundaries(sections: Sections) -> set[tuple[str, str]]:
    return {(one.cut.path, one.cut.way) for one in sections.crossings}


def test_channels_last_with_a_batch_norm_an_in_place_relu_and_dropout_in_training():
    """A sound port agrees at every cut, forward and backward, what leaves the norm before the ReLU included."""
    sections = looked("a sound network").sections
    assert judged(sections) == {Verdict.MATCH}
    assert boundaries(sections) == {(path, way) for path in ("", "conv", "norm", "head") for way in (IN, OUT)}
    assert all(one.backward is not None for one in sections.crossings)
    norm = next(one for one in sections.crossings if one.cut.path == "norm" and one.cut.way == OUT)
    assert sections.matched[norm.port][1].axes == (0, 2, 3, 1)
    assert sections.made_by_port(norm).shape == norm.passage.values[0].shape == (len(IMAGES), 4, 6, 6)
    np.testing.assert_allclose(sections.made_by_port(norm, backward=True), norm.passage.cotangents[0], atol=1e-12)
    assert sections.dropped == (((len(IMAGES), 4), 0.25),)
    assert "state/norm.running_var" in sections.ends


def test_attention_is_cut_where_both_sides_call_a_layer():
    """q = k = v is one array; torch calls no out_proj of its own."""
    sections = looked("sound attention").sections
    assert judged(sections) == {Verdict.MATCH}
    assert boundaries(sections) == {(path, way) for path in ("", "norm", "attn") for way in (IN, OUT)}


class Checkpointed(Chain):
    """A checkpoint around two of its layers."""

    def __init__(self, reentrant: bool) -> None:
        super().__init__()
        self.reentrant = reentrant

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        h = checkpoint(lambda x: self.norm(torch.tanh(self.first(x))), x, use_reentrant=self.reentrant)
        return self.last(h)


@pytest.mark.parametrize("reentrant", [False, True])
def test_a_checkpoint_in_the_reference_is_no_difference(reentrant):
    """Also a reentrant one, whose layers have no cotangents to send back."""
    _, sections = cut(chain_pair(reference=seeded(lambda: Checkpointed(reentrant))))
    assert judged(sections) == {Verdict.MATCH}
    inside = [one for one in sections.crossings if one.cut.path in ("first", "norm")]
    assert [one.backward is None for one in inside] == [reentrant] * 4


class Residual(nn.Module):
    """A layer called twice, its first output used twice, without a gradient in between once."""

    def __init__(self) -> None:
        super().__init__()
        self.first = nn.Linear(WIDTH, WIDTH)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        h = self.first(x)
        with torch.no_grad():
            gate = self.first(h).sigmoid()
        h = h + self.first(torch.tanh(h))
        h *= gate
        return h


class LinenResidual(linen.Module):
    """The same."""

    @linen.compact
    def __call__(self, x: Any) -> Any:
        first = linen.Dense(WIDTH, name="first")
        h = first(x)
        gate = linen.sigmoid(jnp.asarray(_stopped(first(_stopped(h)))))
        return (h + first(jnp.tanh(h))) * gate


def _stopped(x: Any) -> Any:
    import jax

    return jax.lax.stop_gradient(x)


def test_each_call_and_each_use_is_held_by_itself():
    """Three calls of one layer, one of them without a gradient; a tensor used twice; a product in place."""
    lines = WeightMap(linear("first", "first"))
    pair = Pair(seeded(Residual), LinenResidual(), lambda rng: Batch.of(X), weight_map=lines)
    _, sections = cut(pair)
    assert judged(sections) == {Verdict.MATCH}
    assert {one.cut.call for one in sections.crossings if one.cut.path == "first"} == {0, 1, 2}


@dataclass
class Output(OrderedDict):
    """As transformers return."""

    hidden: Any = None
    logits: Any = None

    def __post_init__(self) -> None:
        self.update(hidden=self.hidden, logits=self.logits)


@flax.struct.dataclass
class LinenOutput:
    """The same in another order."""

    logits: Any
    hidden: Any


class Inner(nn.Module):
    """A layer that returns a dataclass."""

    def __init__(self) -> None:
        super().__init__()
        self.first, self.norm = nn.Linear(WIDTH, 4), nn.LayerNorm(4)

    def forward(self, x: torch.Tensor) -> Output:
        hidden = self.first(x)
        return Output(hidden=hidden, logits=self.norm(hidden))


class Outer(nn.Module):
    """One that uses both its fields, by key and by name."""

    def __init__(self) -> None:
        super().__init__()
        self.inner, self.last = Inner(), nn.Linear(4, 3)

    def forward(self, x: torch.Tensor) -> Output:
        made = self.inner(x)
        return Output(hidden=made["hidden"] * 2, logits=self.last(made.logits))


class LinenInner(linen.Module):
    """The same."""

    @linen.compact
    def __call__(self, x: Any) -> Any:
        hidden = linen.Dense(4, name="first")(x)
        return LinenOutput(linen.LayerNorm(epsilon=1e-5, name="norm")(hidden), hidden)


class LinenOuter(linen.Module):
    """The same."""

    scale: float = 2.0

    @linen.compact
    def __call__(self, x: Any) -> Any:
        made = LinenInner(name="inner")(x)
        logits = linen.Dense(3, name="last")(made.logits)
        return {"hidden": made.hidden * self.scale, "logits": logits}


@pytest.mark.parametrize("scale", [2.0, 2.001])
def test_dataclasses_are_cut_field_by_field(scale):
    """As outputs of a layer and of the whole model: what is made of a field is the outer model's own code."""
    renamed = [(one.reference, one) for one in NORM]
    lines = WeightMap(
        linear("inner.first", "inner/first"),
        [type(one)(f"inner.{name}", one.port.replace("params/", "params/inner/")) for name, one in renamed],
        linear("last", "last"),
    )
    pair = Pair(seeded(Outer), LinenOuter(scale), lambda rng: Batch.of(X), weight_map=lines)
    _, sections = cut(pair)
    leaves = {(one.cut.path, one.cut.way, one.cut.leaf) for one in sections.crossings}
    assert {("inner", OUT, 0), ("inner", OUT, 1), ("", OUT, 0), ("", OUT, 1)} <= leaves
    apart = [(one.cut.path, one.cut.way) for one in sections.crossings if differs(one.forward)]
    assert apart == ([] if scale == 2 else [("", OUT)])


def test_a_port_without_layers_is_run_all_the_same():
    """There is nothing to cut at, and everything to judge."""
    weights = {"weights": lambda rng: {"w": rng.standard_normal(WIDTH)}}
    _, sections = cut(Pair(lambda p, x: x * p["w"], lambda p, x: x * p["w"], lambda rng: Batch.of(X), **weights))
    assert sections.crossings == []
    assert set(sections.ends) == {"output", "grad/w", "grad/input.input0"}
    assert judged(sections) == {Verdict.MATCH}


def test_what_goes_on_is_the_references():
    """In the port's layout, at every cut that both have."""
    sections = looked("a norm's epsilon").sections
    sent = sections.onwards()
    assert {cut.path for cut in sent} == {"", "first", "norm", "last"}
    for crossing in sections.crossings:
        np.testing.assert_array_equal(sent[crossing.port], crossing.passage.values[crossing.cut.leaf])
    assert sections.pairs == {"": "", **{name: name for name in ("first", "norm", "last")}}
    assert len(CHAIN.entries) == 6


def test_an_array_of_another_size_is_shown_as_it_is():
    """It has no layout, and is held against nothing."""
    sections = looked("another shape").sections
    apart = [one for one in sections.crossings if differs(one.forward)]
    assert [one.cut.path for one in apart] == ["last"]
    assert apart[0].forward.reason == "shape (5, 3) in the reference, (5, 2) in the port"
    assert sections.made_by_port(apart[0]).shape == (5, 2)
    assert [one.cut.path for one in sections.crossings if differs(one.arrived)] == ["last", ""]


def test_a_layer_that_is_asked_for_what_it_holds_alone_is_no_boundary():
    """The port hands it no array, and the reference one; one that takes none in either is called as it is."""

    cutter: Any = SimpleNamespace(pairs={path: path for path in ("norm", "fc", "table")})
    arrays = [np.ones(3)]
    passages = [Passage(path, 0, IN, arrays if path != "table" else []) for path in cutter.pairs]
    shapes = [Cut(path, 0, OUT, 0) for path in cutter.pairs] + [Cut("fc", 0, IN, 0)]
    assert Cutter._called(cutter, passages, shapes) == {"fc", "table"}
