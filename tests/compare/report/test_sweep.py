"""A sweep and two runs in the terminal: on forms that are made up."""

import io
from dataclasses import replace

import pytest
from rich.console import Console

from compare.measure.bench.ratios import Ratio
from compare.measure.bench.sweep_sizes import Size
from compare.measure.bench.two_runs import Changed, TwoRuns
from compare.report.form import bench_form, sweep_form, two_runs_form
from compare.report.sweep import crossings, fastest, on_axis, show_sweep, show_two_runs
from tests.compare.report.test_bench import BENCH, HEADLINES
from tests.compare.report.test_contract import ENVIRONMENT

WORDS = {8: ("FAST", 3.0), 32: ("FAST", 2.0), 64: ("AMBIGUOUS", 1.1), 512: ("SLOW", 0.9)}


def bench(batch):
    word, value = WORDS.get(batch, ("FAST", 2.0))
    ratio = Ratio(value, 0.9 * value, 1.1 * value, word)
    headlines = (replace(HEADLINES[0], by_wall=ratio), HEADLINES[1])
    return {**bench_form(replace(BENCH, headlines=headlines, batch=batch)), "environment": ENVIRONMENT}


PLACES = [Size(batch, 128, 2) for batch in WORDS] + [Size(64, width, 2) for width in (256, 512)]
SWEEP = sweep_form({"pair": "mlp"}, PLACES, [{**vars(size), "bench": bench(size.batch)} for size in PLACES[::-1]])


def shown(show, form, width):
    out = Console(file=io.StringIO(), width=width)
    show(form, out)
    return out.file.getvalue()


def test_sizes_stand_in_order_whenever_they_were_measured():
    """The smallest first."""
    assert [(one["batch"], one["width"]) for one in SWEEP["sizes"]] == [(size.batch, size.width) for size in PLACES]
    assert SWEEP["planned"] == len(PLACES)


def test_an_axis_has_what_differs_along_it_alone():
    """The base lies on both."""
    assert [one["batch"] for one in on_axis(SWEEP, "batch")] == [8, 32, 64, 512]
    assert [one["width"] for one in on_axis(SWEEP, "width")] == [128, 256, 512]
    assert [one["depth"] for one in on_axis(SWEEP, "depth")] == [2]


def test_how_far_a_ratio_holds_is_said_in_words():
    """Word by word along the axis."""
    first, second = crossings(on_axis(SWEEP, "batch"), "batch")
    assert first == (
        "XLA against PyTorch as people write it: FAST at batch 8 to 32 (2.00 to 3.00 times); "
        "AMBIGUOUS at batch 64 (1.10 times); SLOW at batch 512 (0.90 times)"
    )
    assert second.startswith("XLA against PyTorch's own compiler: FAST at batch 8 to 512")


def test_what_was_not_measured_breaks_a_sentence():
    """FAST on either side of a size without a ratio is not FAST there."""
    sizes = [
        {**one, "bench": {**one["bench"], "unpublished": "busy", "headlines": []}} if one["batch"] == 32 else one
        for one in on_axis(SWEEP, "batch")
    ]
    _, second = crossings(sizes, "batch")
    assert second.endswith("FAST at batch 8 (2.50 times); FAST at batch 64 to 512 (2.50 to 2.50 times)")
    assert fastest(sizes[1]["bench"], "eager") is None


@pytest.mark.parametrize("width", [80, 140])
def test_every_size_is_shown(width):
    """A line for each in its axis's table, with a ratio; nothing broken."""
    text = shown(show_sweep, SWEEP, width)
    lines = [" ".join(line.split()) for line in text.splitlines()]
    assert any(line.startswith("512 500 625 200") and "0.90 SLOW 2.50 FAST" in line for line in lines)
    assert all(len(line) <= width for line in text.splitlines())
    assert f"{len(PLACES)} of {len(PLACES)} sizes" in text


def test_a_size_without_a_ratio_says_why():
    """By its name."""
    busy = {**SWEEP["sizes"][0]["bench"], "unpublished": "busy", "headlines": []}
    form = {**SWEEP, "sizes": [{**SWEEP["sizes"][0], "bench": busy}, *SWEEP["sizes"][1:]]}
    assert "batch 8, width 128, depth 2: no ratio is published: busy" in shown(show_sweep, form, 120)


def test_two_runs():
    """Each row's times and ratio, the versions that differ, and what one of them has alone."""
    ratio = Ratio(1.25, 1.2, 1.3, "FAST")
    two = TwoRuns(
        (Changed("jax.jit", 2.5e-4, 2e-4, ratio, ratio),), {"jax": ("0.10", "0.12")}, 0.02, ("numpy by hand",)
    )
    lines = [" ".join(line.split()) for line in shown(show_two_runs, two_runs_form(two), 100).splitlines()]
    assert "jax.jit 250 200 1.25 [1.20, 1.30] FAST 1.25" in lines
    assert "jax 0.10, then 0.12" in lines
    assert "timed in one of them alone: numpy by hand" in lines
