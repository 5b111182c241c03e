"""The benchmark's table: a time, a ratio with its interval, a word; or the reason why there is none."""

import io
from dataclasses import replace

import pytest
from rich.console import Console

from compare.measure.bench.joined import Bench, BenchRow
from compare.measure.bench.ratios import Ratio, Spread
from compare.report.bench import headline, show_bench
from compare.report.form import bench_form
from compare.verdict.verdict import Verdict

FAST = Ratio(2.5, 2.4, 2.6, "FAST")
SLOW = Ratio(0.8, 0.7, 0.9, "SLOW")


def row(name, seconds=None, compile=0.01, ratio=None, even=None, verdict=Verdict.MATCH, **more):
    times = Spread(seconds, 0.9 * seconds, 1.1 * seconds) if seconds else None
    fields = {"reason": "", "stopped": {}, "marks": (), "steps_per_call": 1, "explains": False} | more
    above = 2.0 if seconds else None
    return BenchRow(
        name, "torch", verdict, **fields, wall=times, processor=times, compile=compile if seconds else None,
        against_eager=ratio, by_processor=ratio, above_floor=above, break_even=even,
    )  # fmt: skip


ROWS = (
    row("torch eager", 5e-4),
    row("torch.compile", 6.25e-4, 12.5, SLOW, float("inf"), marks=("3 graphs, 4 graph breaks",)),
    row("jax.jit", 2e-4, 0.4, FAST, 1333.3),
    row("jax.jit, lax.scan", 1e-4, steps_per_call=8),
    row("faulty", verdict=Verdict.MISMATCH, reason="another function than torch eager"),
    row("unfair", stopped={"work": "work: expected 10 multiply-adds, got 5"}),
)
BENCH = Bench(
    "mlp", "a title [x]", "cpu", "float32", 16, 1, {"torch": 1.0, "jax": 0.99}, 3, 30, 0.021, "", 0,
    "products, jax", {"products, jax": Spread(1e-4, 1e-4, 1e-4), "copy": Spread(1e-5, 1e-5, 1e-5)}, ROWS,
)  # fmt: skip
FORM = bench_form(BENCH)


def shown(form, width=160):
    out = Console(file=io.StringIO(), width=width)
    show_bench(form, out)
    return out.file.getvalue()


@pytest.mark.parametrize("width", [80, 160])
def test_every_row_is_shown(width):
    """Times in microseconds, the ratio and its word, compile time, break-even; narrow without intervals."""
    text = shown(FORM, width)
    lines = {line.split("  ")[0]: " ".join(line.split()) for line in text.splitlines()}
    wide = width > 105
    ratio = "2.50 [2.40, 2.60] FAST 2.50 FAST 2.00" if wide else "2.50 FAST"
    assert lines["jax.jit"].endswith(f"{ratio} 0.40 1,333 steps")
    assert lines["torch.compile"].endswith("12.50 never")
    assert lines["faulty"] == f"faulty mismatch{' not timed' if wide else ''}"
    assert lines["unfair"] == f"unfair stopped{' not timed' if wide else ''}"
    assert all(len(line) <= width for line in text.splitlines())


@pytest.mark.parametrize(
    "line",
    [
        "faulty: not timed: another function than torch eager",
        "unfair: stopped: work: expected 10 multiply-adds, got 5",
        "torch.compile: 3 graphs, 4 graph breaks",
        "jax.jit, lax.scan: 8 steps in one call: another question, in no ratio with one step a call",
        "floor: the step's own products, jax, 100 us of processor time, a copy of the bytes it touches 10 us",
        "mlp: one training step, a title [x]",
        "cpu, float32, 1 thread each (processors used: torch 1.00, jax 0.99), 16 batches, 30 rounds in 3 processes, "
        "interleaved",
        "noise: torch eager against itself leaves 1 by up to 2.1%",
    ],
)
def test_what_must_stand_beside_the_figures(line):
    """Each in a line of its own."""
    assert line in shown(FORM, 200).splitlines()


def test_the_headline_has_every_ratio():
    """What the main job prints."""
    assert headline(FORM) == (
        "torch.compile 0.80 times torch eager's speed (SLOW); jax.jit 2.50 times torch eager's speed (FAST); "
        "noise 2.1%, 1 thread, 30 rounds"
    )


def test_no_ratio_is_said_first():
    """A disturbed run is never printed plain: before the table, and in the place of the headline's ratios."""
    rows = tuple(replace(one, against_eager=None, by_processor=None, break_even=None) for one in ROWS)
    form = bench_form(replace(BENCH, rows=rows, unpublished="other work kept 1.0 of 2 processors busy"))
    assert shown(form).splitlines()[2] == "NO RATIO IS PUBLISHED: other work kept 1.0 of 2 processors busy"
    assert headline(form).startswith("no ratio is published: other work kept 1.0 of 2 processors busy; noise")


def test_a_forced_row_is_stamped():
    """The whole table, and the row itself."""
    unfair = row("unfair", 1e-4, stopped={"work": "work: expected 10 multiply-adds, got 5"})
    text = shown(bench_form(replace(BENCH, rows=(*ROWS[:1], unfair), forced=True)))
    assert "FORCED: rows that a gate stopped are timed too, and marked" in text
    assert "unfair: FORCED: work: expected 10 multiply-adds, got 5" in text


def test_the_old_keys_stay():
    """Medians and quartiles of wall time, the steps of a scan, and the raw samples beside them."""
    assert FORM["steps_in_a_scan"] == 8
    assert (FORM["rows"][0]["median"], FORM["rows"][0]["quartiles"]) == (5e-4, [0.9 * 5e-4, 1.1 * 5e-4])
    assert FORM["rows"][4]["median"] is FORM["rows"][4]["quartiles"] is None
