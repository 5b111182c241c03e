"""The types of what is measured have every key that is written, and no other."""

import dataclasses

import pytest

from compare.cli.written import unlike
from compare.measure import trajectory
from compare.measure.bench import bench_result, headlines, ratios, row_insides
from compare.measure.contrast import capability, contrast, cost_figures, kept_arrays
from compare.report import measured_contract as contract
from compare.report.form import bench_form, contrast_form, train_form
from tests.compare.measure.test_drift import FLIP, step, training
from tests.compare.report.test_contract import ENVIRONMENT

KEPT = kept_arrays.Kept("self", (2, 3), "float32", 24)
NODE = contrast.NodeRow("AddBackward0", "", "layer", "a.py:1", (KEPT,), (0,), (), "")
EQUATION = contrast.EquationRow("add", "float32[2,3]", "layer", "b.py:1", "loss", 1, (0,), "")
CELL = capability.Cell("works", "", "def way(given): ...", 1e-3)
CAPABILITY = capability.Capability("jacobian", "Jacobian", True, CELL, CELL, "match")
SECONDS = cost_figures.Seconds(1e-3, 1e-3, 1e-3, 1e-2, 1e-1, 1e-3, 1e-3)
COSTS = cost_figures.Costs(24, "", 24, 24, (), 3, SECONDS)
CONTRAST = contrast.Contrast(
    "mlp",
    "by hand",
    "cpu",
    1.0,
    1.0,
    (NODE,),
    (EQUATION,),
    (KEPT,),
    (((0,), (0,)),),
    capabilities=(CAPABILITY,),
    costs=COSTS,
)
RATIO = ratios.Ratio(2.0, 1.5, 2.5, "FAST")
SPREAD = ratios.Spread(1e-3, 1e-3, 2e-3)
ROW = bench_result.BenchRow(
    "jax.jit", "jax", "match", "", {}, (), 1, False, 20, SPREAD, SPREAD, 0.5, {"trace": 0.1}, 0.1, RATIO, RATIO, 1.5,
    float("inf"), 1e-7, (((1e-3,), (1e-3,)),), row_insides.StepCounts(22.0, 3.5),
    row_insides.TimeSpent(0.5, 0.3, 0.1, 0.1, 1.2),
)  # fmt: skip
HEADLINE = headlines.Headline("PyTorch as people write it", "jax.jit", "torch eager", RATIO, RATIO)
BENCH = bench_result.Bench(
    "mlp", "by hand", "cpu", "float32", 16, 64, 1, {"torch": 1.0}, 3, 10, 0.05, "", 0, "copy", {"copy": SPREAD}, (ROW,),
    (HEADLINE,), environment=ENVIRONMENT, blocks=30,
)  # fmt: skip
FORMS = {
    "train": (train_form(training(step(1), first_flip=FLIP, first_departure=FLIP), ENVIRONMENT), contract.TrainForm),
    "contrast": (contrast_form(CONTRAST, ENVIRONMENT), contract.ContrastForm),
    "bench": (bench_form(BENCH), contract.BenchForm),
}


@pytest.mark.parametrize("command", FORMS)
def test_every_key_that_is_written_is_promised(command):
    """Of the whole, and at every depth what the types have is there."""
    form, kind = FORMS[command]
    assert set(form) == kind.__required_keys__ | kind.__optional_keys__
    assert unlike(form, kind) == ""


@pytest.mark.parametrize(
    ("kind", "data"),
    [
        (contract.StepForm, trajectory.Step),
        (contract.EpochForm, trajectory.Epoch),
        (contract.FlipForm, trajectory.GateFlip),
        (contract.PlanForm, trajectory.TrainingPlan),
        (contract.KeptForm, kept_arrays.Kept),
        (contract.NodeForm, contrast.NodeRow),
        (contract.CostsForm, cost_figures.Costs),
        (contract.SecondsForm, cost_figures.Seconds),
        (contract.CellForm, capability.Cell),
        (contract.EquationForm, contrast.EquationRow),
        (contract.RatioForm, ratios.Ratio),
        (contract.SpreadForm, ratios.Spread),
        (contract.HeadlineForm, headlines.Headline),
        (contract.CountsForm, row_insides.StepCounts),
        (contract.SpentForm, row_insides.TimeSpent),
    ],
)
def test_a_part_has_the_fields_that_are_measured(kind, data):
    """One for one: what is measured next year is promised next year."""
    fields = {field.name for field in dataclasses.fields(data)}
    older = {"again"} & kind.__optional_keys__  # which only those results have
    assert kind.__required_keys__ | kind.__optional_keys__ == fields | older
    skipped = {"skipped_reference", "skipped_port"}
    assert (
        kind.__optional_keys__ <= {"plain_again", "again", "checkpoints", "workspace"} | skipped
    )  # which not every result has


def test_a_row_of_the_benchmark_has_its_fields_and_two_older_keys():
    """The median and the quartiles of wall time stand beside it, where they always stood."""
    fields = {field.name for field in dataclasses.fields(bench_result.BenchRow)}
    every = contract.RowForm.__required_keys__ | contract.RowForm.__optional_keys__
    assert every == fields | {"median", "quartiles"}
    assert contract.RowForm.__optional_keys__ == {"counts", "spent"}  # which older results do not have
