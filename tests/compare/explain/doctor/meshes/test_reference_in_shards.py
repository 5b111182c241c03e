"""The reference as a program that works on shards may run it, against the same written out in torch."""

from typing import Any

import numpy as np
import pytest
import torch

from compare.arrays.batch import Batch
from compare.explain.doctor.meshes.reference_in_shards import FIRST, LAST, ZEROS, InShards, ReferenceInShards
from compare.frameworks.devices import Device
from compare.frameworks.dropout.masks import draw
from compare.pair.pair import Entering, Pair
from compare.pair.prepare import prepare
from compare.pair.prepared import Prepared
from compare.sides.reference import ReferenceSide
from compare.sides.seeds import mask_seed
from compare.sides.side import Result
from compare.verdict.precision import FLOAT64

WEIGHTS = {"0.weight": np.ones((3, 2), "f4"), "0.bias": np.ones(3, "f4")}


def mean_square(outputs: Any, targets: Any) -> Any:
    return ((outputs - targets) ** 2).mean()


def made(layer: torch.nn.Module, cpu: Device, rows: int = 4) -> tuple[Prepared, Entering]:
    """A linear layer and another one, with a port that nobody runs."""
    rng = np.random.default_rng(0)
    batch = Batch.of(rng.normal(size=(rows, 2)), rng.normal(size=(rows, 3)))
    layer.register_buffer("unused", None)
    pair = Pair(torch.nn.Sequential(torch.nn.Linear(2, 3), layer), _port, batch, loss=(mean_square, mean_square))
    prepared = prepare(pair)
    return prepared, prepared.enter(0, 1).at(FLOAT64)


def _port(params: dict[str, Any], x: Any) -> Any:
    return x @ params["0.weight"].T + params["0.bias"]


def run(how: InShards, prepared: Prepared, entering: Entering, cpu: Device) -> Result:
    return ReferenceInShards(how, prepared, FLOAT64, cpu.torch).run(entering, True)


def plain(prepared: Prepared, entering: Entering, cpu: Device) -> Result:
    return ReferenceSide(prepared, FLOAT64, cpu.torch).run(entering, True)


class Centred(torch.nn.Module):
    """What rows have in common is taken off, without a parameter."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x - x.mean(0)


def test_rows_by_themselves(cpu: Device):
    """Each shard's mean is taken off, forward and backward."""
    prepared, entering = made(Centred(), cpu)
    apart, whole = run(InShards(2, apart=True), prepared, entering, cpu), plain(prepared, entering, cpu)
    linear = whole["output"] + 0  # up to the mean, which cancels in each shard
    halves = np.concatenate([half - half.mean(0) for half in np.split(linear, 2)])
    np.testing.assert_allclose(apart["output"], halves, atol=1e-14)
    assert np.abs(apart["output"] - whole["output"]).max() > 1e-3
    targets = entering.batches[0].targets["targets"]
    back = 2 * (halves - targets) / halves.size
    through = np.concatenate([half - half.mean(0) for half in np.split(back, 2)])
    np.testing.assert_allclose(apart["grad/0.bias"], through.sum(0), atol=1e-14)


@pytest.mark.parametrize("what", [ZEROS, LAST, FIRST])
def test_rows_that_pad_are_counted(cpu: Device, what: str):
    """The outputs are those of the batch alone, the loss is that of all."""
    prepared, entering = made(torch.nn.Identity(), cpu, rows=3)
    padded, whole = run(InShards(2, padding=what), prepared, entering, cpu), plain(prepared, entering, cpu)
    np.testing.assert_allclose(padded["output"], whole["output"], rtol=1e-13)
    targets, at = entering.batches[0].targets["targets"], {LAST: 2, FIRST: 0}
    if what == ZEROS:
        more = [entering.weights["0.bias"]], [np.zeros(3)]
    else:
        more = [whole["output"][at[what]]], [targets[at[what]]]
    outputs, wanted = (np.concatenate(two) for two in zip((whole["output"], targets), more, strict=True))
    np.testing.assert_allclose(padded["loss"], mean_square(outputs, wanted), rtol=1e-14)


def test_outputs_that_are_padded_behind_the_model(cpu: Device):
    """With zeros, as the targets are: three of four rows count."""
    prepared, entering = made(torch.nn.Identity(), cpu, rows=3)
    padded = run(InShards(2, padded_outputs=True), prepared, entering, cpu)
    whole = plain(prepared, entering, cpu)
    np.testing.assert_allclose(padded["loss"], 0.75 * whole["loss"], rtol=1e-14)
    np.testing.assert_allclose(padded["grad/0.weight"], 0.75 * whole["grad/0.weight"], rtol=1e-14)


def test_the_mean_of_the_means_of_uneven_shards(cpu: Device):
    """Of two rows and of one."""
    prepared, entering = made(torch.nn.Identity(), cpu, rows=3)
    result = run(InShards(2, scored_apart=True), prepared, entering, cpu)
    outputs, targets = result["output"], entering.batches[0].targets["targets"]
    means = [mean_square(outputs[part], targets[part]) for part in (slice(2), slice(2, 3))]
    np.testing.assert_allclose(result["loss"], np.mean(means), rtol=1e-14)


def test_one_mask_on_all_shards_and_each_its_own(cpu: Device):
    """Of a dropout: the first half's mask twice, or the whole one's halves where the halves run by themselves."""
    prepared, entering = made(torch.nn.Dropout(0.5), cpu)
    mask = draw(mask_seed(entering, 0), 0, (4, 3), 0.5)
    whole = plain(prepared, entering, cpu)["output"] != 0
    one = run(InShards(2, one_mask=True), prepared, entering, cpu)["output"] != 0
    own = run(InShards(2, apart=True), prepared, entering, cpu)["output"] != 0
    np.testing.assert_array_equal(whole, mask)
    np.testing.assert_array_equal(one, np.concatenate([mask[:2], mask[:2]]))
    np.testing.assert_array_equal(own, mask)


def test_gradients_are_scaled_and_left_out(cpu: Device):
    """Each of its own parameter."""
    prepared, entering = made(torch.nn.Identity(), cpu)
    how = InShards(2, factors={"0.bias": 2.0}, without={"0.weight": (slice(None), slice(0, 1))})
    result, whole = run(how, prepared, entering, cpu), plain(prepared, entering, cpu)
    np.testing.assert_array_equal(result["grad/0.bias"], 2 * whole["grad/0.bias"])
    assert not result["grad/0.weight"][:, 0].any()
    np.testing.assert_array_equal(result["grad/0.weight"][:, 1], whole["grad/0.weight"][:, 1])
