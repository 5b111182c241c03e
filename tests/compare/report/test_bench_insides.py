"""What steps are made of and where their time goes, in tables; of older results nothing."""

import io
import json
from dataclasses import replace
from pathlib import Path

import pytest
from rich.console import Console

from compare.measure.bench.row_insides import StepCounts, TimeSpent
from compare.report.bench_insides import show_insides, with_time_spent
from compare.report.form import bench_form
from tests.compare.report.test_bench import BENCH

COUNTS = StepCounts(82.0, 31.5, 26.2e6, 26.6e6, 1_449_924, 3, 4, 0)
INSIDE = bench_form(
    replace(
        BENCH,
        rows=(
            BENCH.rows[0],
            replace(BENCH.rows[1], counts=COUNTS, spent=TimeSpent(0.4, 0.2, 0.3, 0.1, 1.25), gradient_error=1.2e-7),
            replace(BENCH.rows[2], counts=StepCounts(recompiles=7)),
        ),
    )
)


def shown(form, width):
    out = Console(file=io.StringIO(), width=width)
    show_insides(form, out)
    return {line.split("  ")[0]: " ".join(line.split()) for line in out.file.getvalue().splitlines()}, out


@pytest.mark.parametrize("width", [80, 120])
def test_every_figure_is_shown(width):
    """What is not known is left out; the time in microseconds adds up to the step's."""
    _, out = shown(INSIDE, width)
    lines = [" ".join(line.split()) for line in out.file.getvalue().splitlines()]
    wide = width > 80
    assert ("torch.compile 82 32 26.2 26.6 1.4 4 0" if wide else "torch.compile 82 32 26.2 1.4 0") in lines
    assert "jax.jit 7" in lines
    assert ("torch.compile 625 250 125 188 62 1.2e-07" if wide else "torch.compile 625 250 125 188 62") in lines
    assert "Profiling slowed a step by up to 1.25 times." in " ".join(lines)
    assert all(len(line) <= width for line in out.file.getvalue().splitlines())


def test_an_older_result_has_neither():
    """The committed one is read as it is."""
    older = json.loads((Path(__file__).parents[3] / "results" / "cpu" / "bench.json").read_text())
    for row in older["rows"]:
        row.pop("counts", None)
        row.pop("spent", None)
    assert with_time_spent(older) == []
    assert shown(older, 120)[0] == {}
