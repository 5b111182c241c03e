"""The benchmark's table: a time, a ratio with its interval, a word; or the reason why there is none."""

import io

import pytest
from rich.console import Console

from compare.measure.bench.bench import Bench, Row
from compare.measure.bench.timing import Ratio
from compare.report.bench import headline, show_bench
from compare.report.form import bench_form
from compare.verdict.verdict import Verdict

FAST = Ratio(2.5, 2.4, 2.6, "FAST")
SLOW = Ratio(0.8, 0.7, 0.9, "SLOW")
ROWS = (
    Row("torch eager", Verdict.MATCH, "", 1, 5e-4, (4e-4, 6e-4), 0.01),
    Row("torch.compile", Verdict.MATCH, "", 1, 6.25e-4, (6e-4, 7e-4), 12.5, SLOW, float("inf")),
    Row("jax.jit", Verdict.MATCH, "", 1, 2e-4, (1e-4, 3e-4), 0.4, FAST, 1333.3),
    Row("faulty", Verdict.MISMATCH, "not timed: another function than torch eager"),
)
FORM = bench_form(Bench("mlp", "a title [x]", "cpu", 1, {"torch": 1.0, "jax": 0.99}, 30, 0.021, ROWS), {})


@pytest.mark.parametrize("width", [80, 130])
def test_every_row_is_shown(width):
    """Times in microseconds, the ratio and its word, compile time, break-even; narrow without intervals."""
    out = Console(file=io.StringIO(), width=width)
    show_bench(FORM, out)
    lines = {line.split("  ")[0]: " ".join(line.split()) for line in out.file.getvalue().splitlines()}
    interval = " [2.40, 2.60]" if width > 105 else ""
    assert lines["jax.jit"].endswith(f"2.50{interval} FAST 0.40 1,333 steps")
    assert lines["torch.compile"].endswith("SLOW 12.50 never")
    assert lines["faulty"] == "faulty mismatch not timed"
    assert "faulty: not timed: another function than torch eager" in out.file.getvalue()
    assert "a title [x]" in out.file.getvalue()
    assert all(len(line) <= width for line in out.file.getvalue().splitlines())


def test_the_headline_has_every_ratio():
    """What the main job prints."""
    assert headline(FORM) == (
        "torch.compile 0.80 times torch eager's speed (SLOW); jax.jit 2.50 times torch eager's speed (FAST); "
        "noise 2.1%, 1 thread, 30 rounds"
    )
