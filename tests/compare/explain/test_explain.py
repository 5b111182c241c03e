"""Where and why: the sentence, causes merged over places, the gap that closes when all of them are taken together."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import jax.numpy as jnp
import numpy as np
import optax
import pytest
import torch
from flax import linen
from torch import nn

from compare import verify
from compare.arrays.batch import Batch
from compare.arrays.probes import BASE
from compare.explain import asking as explaining
from compare.explain.doctor.diagnosis import Cause, Diagnosis
from compare.explain.explain import _merged, explain, explain_pair
from compare.explain.explanation import NamedCause
from compare.explain.failed_run import FailedRun
from compare.explain.locate.difference import BACKWARD, FORWARD
from compare.explain.scenes import scene_of
from compare.pair.pair import Pair
from compare.pair.pair_file import load
from compare.sides.judging import Judged
from compare.weights.weights import WeightMap
from tests.compare.explain.locate.models import (
    CHAIN,
    WIDTH,
    LinenBlocks,
    LinenChain,
    X,
    blocks_pair,
    brought_together,
    chain_pair,
    looked,
    looked_into,
    scaled,
    seeded,
)
from tests.compare.small import LinenNorm, norm_pair

USERS_MODELS = True
EPSILON = "epsilon is 1e-06 in the port, 1e-05 in the reference"


def test_a_norms_epsilon_is_named_with_its_evidence():
    """Read on both sides and tried; the whole pair's gap closes with it, and another layer's does not open."""
    made = explain(looked("a norm's epsilon"))
    (named,) = made.causes
    assert (named.reference, named.port, named.places, named.cause.evidence) == ("norm", "norm", 1, "both")
    assert made.sentence.startswith(
        f"`norm` is the first module whose output differs though its inputs agree: {EPSILON}"
    )
    assert made.closing.after < 1e-13 < 1e-6 < made.closing.before
    assert [one.forward for one in made.tree if one.reference == "norm"] == ["introduced"]


def test_one_cause_in_several_places_is_told_once():
    """All three norms; the gap closes only with all of them."""
    faults = {number: {"epsilon": 1e-6} for number in range(3)}
    made = explain(looked_into(blocks_pair(LinenBlocks(faults=faults))))
    (named,) = made.causes
    assert (named.reference, named.places, named.cause.text) == ("blocks.0.norm", 3, EPSILON)
    assert made.first.more == 2
    assert made.closing.after < 1e-13


def test_two_causes_close_the_gap_together():
    """An activation in one block, an epsilon in the next; the activation is the layer that only torch has."""
    made = explain(looked("two blocks"))
    assert [one.reference for one in made.causes] == ["blocks.1.act", "blocks.2.norm"]
    assert [one.of_first for one in made.causes] == [True, False]
    assert made.first.reference == "blocks.1.act"
    assert made.closing.after < 1e-13


def test_a_first_difference_without_a_cause_does_not_take_the_seconds(monkeypatch):
    """The doctor knows the norm's epsilon and, here, not the dense layer: something else is wrong, and it says so."""
    known = explaining.diagnose

    def diagnose(scene, **proving):
        return known(scene, **proving) if scene.reference_path == "norm" else Diagnosis(observed=("seen",))

    monkeypatch.setattr(explaining, "diagnose", diagnose)
    made = explain(looked("two layers"))
    assert [(one.reference, one.cause.text) for one in made.causes] == [("norm", EPSILON)]
    assert made.sentence.startswith("`first` is the first module")
    assert "epsilon" not in made.sentence
    assert made.observed == ("seen",)
    assert "output" in made.closing.still


class Around(nn.Module):
    """A residual around a norm, of what was scaled before, and a sum of everything at the end."""

    def __init__(self) -> None:
        super().__init__()
        self.first, self.norm, self.last = nn.Linear(WIDTH, WIDTH), nn.LayerNorm(WIDTH), nn.Linear(WIDTH, WIDTH)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = self.last(torch.relu(self.first(torch.relu(x)))) * 3
        return x + torch.relu(self.norm(x))


class LinenAround(linen.Module):
    """The same, without the scale, or with another fault before the last layer."""

    factor: float = 1.0
    before_last: Callable = staticmethod(lambda x: x)

    @linen.compact
    def __call__(self, x):
        h = linen.relu(linen.Dense(WIDTH, name="first")(linen.relu(x)))
        x = linen.Dense(WIDTH, name="last")(self.before_last(h)) * self.factor
        return x + linen.relu(linen.LayerNorm(epsilon=1e-5, name="norm")(x))


def test_what_a_residual_carries_past_a_cut_is_no_place_of_its_own():
    """The norm is given the reference's array, the residual beside it the port's: with the one cause all of it closes,
    and no other place is counted."""
    made = explain(looked_into(Pair(seeded(Around), LinenAround(), X, smooth=False)))
    (named,) = made.causes
    assert named.cause.text == "the port is as if it did not multiply by 3 there"
    assert made.first.more == 0
    assert made.closing.after < 1e-13


def test_one_more_step_after_a_call_that_agrees_is_named():
    """The relu's result is made by the port too, so that it is cleared; what comes after it is tried all the same, and
    parameters of layers that are cut off are not."""
    seen = looked_into(Pair(seeded(Around), LinenAround(3.0, jnp.tanh), X))
    made = explain(seen)
    assert [one.cause.text for one in made.causes] == ["the port applies the tanh once more, to the result"]
    assert scene_of(seen, seen.found[:1]).weights == {}


def test_the_first_probe_that_tells_is_asked():
    """The pair's own batch before others; what raises, or shows nothing, is a note and no end."""
    quartet, entering = brought_together(chain_pair(LinenChain(between=scaled(1.5))))
    suspects = [FailedRun("zeros", None, None), FailedRun(BASE, None, entering)]
    made = explain_pair(quartet, entering, suspects, None)
    assert (made.first.probe, made.first.direction) == (BASE, FORWARD)
    assert made.notes == ()
    failed = explain_pair(quartet, entering, suspects[:1], None)
    assert failed.first is None
    assert len(failed.notes) == 1
    assert failed.notes[0].startswith("where: not found on zeros: ")


class Only32(linen.Module):
    """The chain, with a kernel that is written for float32 alone, and an epsilon."""

    epsilon: float = 1e-5

    @linen.compact
    def __call__(self, x):
        if x.dtype == jnp.float64:
            raise TypeError("for float32 alone")
        return LinenChain(epsilon=self.epsilon, name="chain")(x)


def test_what_cannot_run_in_float64_has_a_place_and_no_certain_cause():
    """At the working precision: the layer is named, the cause is seen; of a sound port nothing is looked for."""
    entries = [replace(one, port=one.port.replace("params/", "params/chain/")) for one in CHAIN.entries]
    pair = chain_pair(Only32(1e-2), weight_map=WeightMap(entries))
    found = verify(pair, device="cpu", quick=True).found.explanation
    assert found.first.reference == "norm"
    (named,) = found.causes
    assert (named.cause.setting, named.cause.certain) == ("epsilon", False)
    assert found.sentence.endswith("(no float64 runs, so that no cause can be proven)")
    quartet, entering = brought_together(chain_pair())
    made = explain_pair(quartet, entering, [FailedRun(BASE, None, entering, Judged({}, no_oracle="it raised"))], None)
    assert made.first is None
    assert made.notes == ("where: not looked for, since a model cannot run in float64",)


class TorchTable(nn.Module):
    """A table held in float32."""

    def __init__(self):
        super().__init__()
        self.layer = nn.Linear(7, 5)
        self.register_buffer("sines", torch.sin(torch.arange(7) * 0.3), persistent=False)

    def forward(self, x):
        return torch.tanh(self.layer(x * self.sines))


class LinenTable(linen.Module):
    """The same, computed."""

    @linen.compact
    def __call__(self, x):
        return jnp.tanh(linen.Dense(5, name="layer")(x * jnp.sin(jnp.arange(7) * 0.3).astype(x.dtype)))


@pytest.mark.parametrize(("rate", "settings"), [(1e-2, ["dtype"]), (3e-2, ["dtype", "learning rate"])])
def test_what_a_constant_in_float32_does_not_explain_is_named_beside_it(rate, settings):
    """Nothing is claimed of it but what its exact values mend."""
    batch = Batch.of(np.random.default_rng(0).standard_normal((6, 7), dtype=np.float32))
    optimizers = (lambda parameters: torch.optim.Adam(parameters, lr=1e-2), optax.adam(rate))
    pair = Pair(seeded(TorchTable), LinenTable(), batch, optimizers=optimizers)
    found = verify(pair, device="cpu", quick=True).found.explanation
    assert [named.cause.setting for named in found.causes] == settings
    assert ("all that differs" in found.causes[0].cause.text) is (len(settings) == 1)


def test_an_epsilon_and_a_momentum_of_one_batch_norm_are_both_named():
    """What entered the layer agrees, so that its statistics tell of themselves."""
    pair = replace(norm_pair(accept=("running_variance",)), port=LinenNorm(0.8, 1e-3))
    found = verify(pair, device="cpu", quick=True).found.explanation
    assert {named.cause.setting for named in found.causes if named.cause.certain} == {"epsilon", "momentum"}


def test_a_sound_run_explains_nothing():
    """The tree is there, and a note that no layer introduces a difference."""
    made = explain(looked("a sound chain"))
    assert (made.first, made.causes, made.sentence) == (None, (), "")
    assert made.notes == ("no single layer introduces the difference",)
    assert {one.forward for one in made.tree} == {"agrees"}


EXAMPLES = Path(__file__).parents[3] / "examples" / "differs"


@pytest.mark.parametrize(
    ("example", "where", "direction", "settings"),
    [
        ("encoder", "blocks.0.norm1", FORWARD, {"epsilon", "approximate"}),
        ("quantizer", "quantizer", BACKWARD, {"stop_gradient"}),
    ],
)
def test_the_examples_that_differ_are_explained(example, where, direction, settings):
    """What the guide shows: the place, every cause, and nothing left of the gap."""
    (pair,) = load(EXAMPLES / f"{example}.py")
    found = verify(pair, device="cpu", quick=True).found.explanation
    assert (found.first.reference, found.first.direction) == (where, direction)
    assert {one.cause.setting for one in found.causes} == settings
    assert found.closing.before > 1e-5
    assert found.closing.after < 1e-13
    assert found.closing.still == ()


def test_the_same_of_each_layers_own_parameter_is_one_cause():
    """Said without the layer's name, which stands before it; of one place as it is."""

    def cause(layer, name):
        text = f"the port leaves out {name} of a product"
        return NamedCause(Cause("scale", "", "", text, "counterfactual", 1.0, 0.0, None, True), layer, layer)

    norms = [cause(f"a.{at}.norm", f"a.{at}.norm.weight") for at in range(2)]
    (merged,) = _merged(norms)
    assert (merged.places, merged.cause.text) == (2, "the port leaves out weight of a product")
    alone = [norms[0], cause("a", "data.weight"), cause("", "weight.b")]
    assert [one.cause.text for one in _merged(alone)] == [one.cause.text for one in alone]
