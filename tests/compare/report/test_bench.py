"""The benchmark's table: a time, a ratio with its interval, a word; or the reason why there is none."""

import io
from dataclasses import replace

import pytest
from rich.console import Console

from compare.measure.bench.bench_result import Bench, BenchRow
from compare.measure.bench.headlines import Headline
from compare.measure.bench.ratios import Ratio, Spread
from compare.report.bench import headline, show_bench
from compare.report.form import bench_form
from compare.verdict.verdict import Verdict

FAST = Ratio(2.5, 2.4, 2.6, "FAST")
SLOW = Ratio(0.8, 0.7, 0.9, "SLOW")


def row(name, seconds=None, compile=None, ratio=None, even=None, verdict=Verdict.MATCH, **more):
    times = Spread(seconds, 0.9 * seconds, 1.1 * seconds) if seconds else None
    fields = {"reason": "", "stopped": {}, "marks": (), "steps_per_call": 1, "explains": False} | more
    above = 2.0 if seconds else None
    side = "jax" if name.startswith("jax") else "torch"
    return BenchRow(
        name, side, verdict, **fields, wall=times, processor=times, compile=compile if seconds else None,
        against_eager=ratio, by_processor=ratio, above_floor=above, break_even=even,
    )  # fmt: skip


ROWS = (
    row("torch eager", 5e-4),
    row("torch.compile", 6.25e-4, 12.5, SLOW, float("inf"), marks=("3 graphs, 4 graph breaks",)),
    row("jax.jit", 2e-4, 0.4, FAST, 1333.3, stages={"trace": 0.1, "lower": 0.05, "compile": 0.25}),
    row("jax.jit, lax.scan", 1e-4, 0.4, steps_per_call=8),
    row("jax op by op", 1e-2, explains=True),
    row("faulty", verdict=Verdict.MISMATCH, reason="another function than torch eager"),
    row("wrong", verdict=Verdict.MISMATCH, reason="another function than torch eager"),
    row("unfair", stopped={"work": "work: expected 10 multiply-adds, got 5"}),
)
HEADLINES = (
    Headline("PyTorch as people write it", "jax.jit", "torch eager", FAST, FAST),
    Headline("PyTorch's own compiler", "jax.jit", "torch.compile", FAST, SLOW),
    Headline("PyTorch's compiler, several steps a call", "jax.jit, lax.scan", "K steps in a graph", SLOW, SLOW),
)
BENCH = Bench(
    "mlp", "a title [x]", "cpu", "float32", 16, 64, 1, {"torch": 1.0, "jax": 0.99}, 3, 30, 0.021, "", 0,
    "products, jax", {"products, jax": Spread(1e-4, 1e-4, 1e-4), "copy": Spread(1e-5, 1e-5, 1e-5)}, ROWS, HEADLINES,
)  # fmt: skip
FORM = bench_form(BENCH)


def shown(form, width=160):
    out = Console(file=io.StringIO(), width=width)
    show_bench(form, out)
    return out.file.getvalue()


@pytest.mark.parametrize("width", [80, 120])
def test_every_row_is_shown(width):
    """Times in microseconds, the ratio and its word, compile time, break-even; narrow without intervals."""
    text = shown(FORM, width)
    lines = {line.split("  ")[0]: " ".join(line.split()) for line in text.splitlines()}
    wide = width > 80
    assert lines["jax.jit"] == (
        "jax.jit 200 200 2.00 2.50 [2.40, 2.60] FAST 0.40 1,300 steps"
        if wide
        else "jax.jit 200 2.00 2.50 FAST 1,300 steps"
    )
    assert lines["torch.compile"].endswith("never")
    assert not {"faulty", "unfair"} & set(lines)
    assert all(len(line) <= width for line in text.splitlines())


def test_rows_stand_under_what_they_answer():
    """One step a call, several, and what only explains: nobody compares across."""
    lines = [line.split("  ")[0] for line in shown(FORM, 120).splitlines()]
    places = [lines.index(name) for name in (
        "one step a call", "jax.jit", "8 steps a call", "jax.jit, lax.scan", "what jit removes", "jax op by op"
    )]  # fmt: skip
    assert places == sorted(places)


@pytest.mark.parametrize(
    "line",
    [
        "not timed: faulty; wrong: another function than torch eager",
        "unfair: stopped: work: expected 10 multiply-adds, got 5",
        "torch.compile: 3 graphs, 4 graph breaks",
        "jax.jit: trace 100 ms, lower 50 ms, compile 250 ms",
        "several steps in one call are another question, in no ratio with one step a call",
        "floor: the step's own products, jax, 100 us of processor time; a copy of the bytes it touches takes 10 us",
        "mlp: one training step, a title [x]",
        "cpu, float32, 1 thread each (processors used: torch 1.00, jax 0.99), batch 64, 30 rounds in 3 processes, "
        "interleaved; every row judged equal before it was timed",
        "noise: torch eager against itself leaves 1 by up to 2.1%",
        "XLA (jax.jit) against",
        "PyTorch's own compiler (torch.compile)    2.50 times [2.40, 2.60] FAST; by processor time 0.80 SLOW",
        "XLA (jax.jit, lax.scan) against",
    ],
)
def test_what_must_stand_beside_the_figures(line):
    """Each in a line of its own."""
    assert line in [shown_line.rstrip() for shown_line in shown(FORM, 200).splitlines()]


def test_the_headline_has_every_ratio():
    """What the main job prints."""
    assert headline(FORM) == (
        "jax.jit is 2.50 times as fast as torch eager (FAST); jax.jit is 2.50 times as fast as torch.compile (FAST); "
        "jax.jit, lax.scan is 0.80 times as fast as K steps in a graph (SLOW); noise 2.1%, 1 thread, 30 rounds"
    )


def test_no_ratio_is_said_first():
    """A disturbed run is never printed plain: before the table, and in the place of the headline's ratios."""
    rows = tuple(replace(one, against_eager=None, by_processor=None, break_even=None) for one in ROWS)
    busy = "other work kept 1.0 of 2 processors busy"
    form = bench_form(replace(BENCH, rows=rows, headlines=(), unpublished=busy))
    assert shown(form).splitlines()[2] == "NO RATIO IS PUBLISHED: other work kept 1.0 of 2 processors busy"
    assert headline(form).startswith("no ratio is published: other work kept 1.0 of 2 processors busy; noise")


def test_a_forced_row_is_stamped():
    """The whole table, and the row itself."""
    unfair = row("unfair", 1e-4, stopped={"work": "work: expected 10 multiply-adds, got 5"})
    text = shown(bench_form(replace(BENCH, rows=(*ROWS[:1], unfair), forced=True)))
    assert "FORCED: rows that a gate stopped are timed too, and marked" in text
    assert "FORCED unfair" in text
    assert "judged equal before" not in text
    assert "unfair: FORCED: work: expected 10 multiply-adds, got 5" in text


def test_the_old_keys_stay():
    """Medians and quartiles of wall time, the steps of a scan, and the raw samples beside them."""
    assert FORM["steps_in_a_scan"] == 8
    assert (FORM["rows"][0]["median"], FORM["rows"][0]["quartiles"]) == (5e-4, [0.9 * 5e-4, 1.1 * 5e-4])
    assert FORM["rows"][5]["median"] is FORM["rows"][5]["quartiles"] is None


def test_what_is_not_known_is_said():
    """Too few processes, a system that tells nothing, blocks that were run again, and no noise where eager has none."""
    form = bench_form(replace(BENCH, processes=1, blind=True, repeated=5, blocks=20))
    text = shown(form)
    assert "1 process: another one may differ by more than these intervals say" in text
    assert "nobody tells here what else the machine does" in text
    assert "5 of 25 blocks were disturbed and run again" in text
    assert "noise" not in shown(bench_form(replace(BENCH, noise=None, unpublished="no eager", headlines=())))
