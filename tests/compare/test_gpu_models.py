"""On an NVIDIA GPU: users' models. What is a match on the CPU is one here, and a planted fault is named here too."""

from pathlib import Path

import jax.numpy as jnp
import numpy as np
import pytest
import torch
from flax import linen

from compare.api import verify
from compare.pair.pair_file import load
from tests.compare.planted.reports import ROWS as PLANTED
from tests.compare.planted.reports import report_of, told
from tests.compare.zoo.test_zoo import EXAMPLES, FULLY, ROWS, pair_of

pytestmark = pytest.mark.gpu
USERS_MODELS = True
DIFFERS = sorted((Path(__file__).parents[2] / "examples" / "differs").glob("*.py"))


def _wrong(report) -> list:
    return [
        (one.name, one.probe, one.verdict, one.judgement.reason)
        for one in report.found.quantities
        if one.verdict != "match"
    ]


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.name)
def test_a_sound_port_is_a_match_on_the_gpu(row, gpu):
    """Outputs, gradients and statistics, in training and evaluation; both sides on the card."""
    report = verify(pair_of(row), device="gpu", quick=True)
    assert report.found.device == "gpu"
    assert (report.verdict, _wrong(report)) == ("match", [])


@pytest.mark.parametrize("row", [row for row in ROWS if row.name in FULLY], ids=lambda row: row.name)
def test_a_sound_port_is_a_match_on_every_probe_on_the_gpu(row, gpu):
    """The default run, with probes, kinks and mutants."""
    report = verify(pair_of(row), device="gpu")
    assert (report.verdict, _wrong(report)) == ("match", [])
    assert not report.found.teeth.toothless


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.stem)
def test_an_example_is_a_match_on_the_gpu(path, gpu):
    """The default run of what a reader is shown."""
    for pair in load(path):
        report = verify(pair, device="gpu")
        assert (report.verdict, _wrong(report)) == ("match", [])


@pytest.mark.parametrize("row", PLANTED, ids=lambda row: row.name)
def test_a_planted_fault_is_seen_placed_and_named_on_the_gpu(row, gpu):
    """As on the CPU."""
    told(report_of(row, "gpu"), row)


@pytest.mark.parametrize("path", DIFFERS, ids=lambda path: path.stem)
def test_an_example_that_differs_is_explained_on_the_gpu(path, gpu):
    """The cause with certainty, on the card."""
    for pair in load(path):
        form = verify(pair, device="gpu", quick=True).form["pairs"][0]
        assert form["verdict"] == "mismatch"
        assert any(cause["certain"] for cause in form["causes"])


def test_the_oracles_may_run_on_the_cpu(gpu):
    """float32 on the card, float64 on the CPU."""
    row = next(row for row in ROWS if row.name == "batch_norm_dense_linen")
    report = verify(pair_of(row), device="gpu", quick=True, oracle_device="cpu")
    assert (report.verdict, _wrong(report)) == ("match", [])


@pytest.mark.parametrize("dtype", ["bfloat16", "float16"])
def test_another_working_precision_on_the_gpu(dtype, gpu):
    """Half precision on the card, the same oracles."""
    row = next(row for row in ROWS if row.name == "raw_parameters_linen")
    report = verify(pair_of(row), device="gpu", quick=True, dtype=dtype)
    assert (report.verdict, _wrong(report)) == ("match", [])


def test_the_models_stay_where_they_were(gpu):
    """Neither the module nor the caller's random state moves to the card or changes."""
    row = next(row for row in ROWS if row.name == "raw_parameters_linen")
    pair = pair_of(row)
    before = {name: tensor.clone() for name, tensor in pair.reference.state_dict().items()}
    states = torch.get_rng_state().clone(), torch.cuda.get_rng_state().clone()
    verify(pair, device="gpu", quick=True)
    for name, tensor in pair.reference.state_dict().items():
        assert tensor.device.type == "cpu"
        assert torch.equal(tensor, before[name])
    assert torch.equal(torch.get_rng_state(), states[0])
    assert torch.equal(torch.cuda.get_rng_state(), states[1])


def test_a_module_on_the_card_stays_there(gpu):
    """A user's module that already lies on the GPU."""
    row = next(row for row in ROWS if row.name == "raw_parameters_linen")
    pair = pair_of(row)
    pair.reference.to("cuda")
    report = verify(pair, device="gpu", quick=True)
    assert (report.verdict, _wrong(report)) == ("match", [])
    assert {tensor.device.type for tensor in pair.reference.state_dict().values()} == {"cuda"}
    assert verify(pair, device="cpu", quick=True).verdict == "match"


class WrittenOnACPU(torch.nn.Module):
    """It holds tensors it has not registered, and makes others without naming a device."""

    def __init__(self) -> None:
        super().__init__()
        self.linear = torch.nn.Linear(4, 4)
        self.scale, self.tables = torch.tensor(0.5), {"shift": [torch.tensor([1.0, 2.0, 3.0, 4.0])]}

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.linear(x) * self.scale + self.tables["shift"][0] + torch.arange(4)


class ItsPort(linen.Module):
    """The same."""

    @linen.compact
    def __call__(self, x):
        return linen.Dense(4, name="linear")(x) * 0.5 + jnp.arange(1.0, 5.0) + jnp.arange(4)


def test_a_model_written_on_a_cpu_runs_on_the_gpu(gpu):
    """Its tensors stay where they are; the copy's are on the card."""
    module = WrittenOnACPU()
    report = verify(module, ItsPort(), np.ones((3, 4), np.float32), device="gpu", quick=True)
    assert (report.verdict, _wrong(report)) == ("match", [])
    assert module.scale.device.type == module.tables["shift"][0].device.type == "cpu"


def test_the_card_is_not_kept(gpu):
    """What a verdict took of the card is freed afterwards, but for what the frameworks cache."""
    row = next(row for row in ROWS if row.name == "raw_parameters_linen")
    verify(pair_of(row), device="gpu", quick=True)
    kept = torch.cuda.memory_allocated()
    verify(pair_of(row), device="gpu", quick=True)
    assert torch.cuda.memory_allocated() <= kept
