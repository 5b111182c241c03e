"""The committed results are what today's code prints of the numbers beside them."""

import io
import json
import re
import runpy

import pytest

from benchmarks.study.carried.study import text
from compare.cli.commands.main_job import _last_word, _show_other_uses
from compare.report.bench import show_bench
from compare.report.capability_table import show_capabilities
from compare.report.contrast import show_contrast
from compare.report.sweep import show_sweep
from compare.report.terminal import console, show_training, show_verify
from tests.documents.shown import ROOT

RESULTS = ROOT / "results"


def read(name):
    return json.loads((RESULTS / name).read_text())


def shown(width, *shows):
    """What each of ``shows`` prints to a console of that width."""
    out = console(io.StringIO())
    out.width = width
    for show in shows:
        show(out)
    return out.file.getvalue()


@pytest.mark.parametrize("name", ["bench", "bench-threads", "bench-bfloat16"])
def test_the_benchmark(name):
    """The text is the JSON beside it, set as the terminal sets it."""
    form = read(f"cpu/{name}.json")
    assert (RESULTS / "cpu" / f"{name}.txt").read_text() == shown(120, lambda out: show_bench(form, out))


def test_the_sweep():
    """sweep.txt is sweep.json, every size of it."""
    form = read("cpu/sweep.json")
    assert len(form["sizes"]) == form["planned"]
    assert (RESULTS / "cpu" / "sweep.txt").read_text() == shown(110, lambda out: show_sweep(form, out))


def test_the_contrast():
    """contrast-mlp.txt is contrast-mlp.json, as the command shows it."""
    form = read("cpu/contrast-mlp.json")
    text = shown(100, lambda out: show_contrast(form, out), lambda out: show_capabilities(form, out))
    assert (RESULTS / "cpu" / "contrast-mlp.txt").read_text() == text


def test_what_two_checkpoints_take():
    """weights_streamed.txt is weights_streamed.json: a few arrays beside the files."""
    form = read("cpu/weights_streamed.json")
    lines = runpy.run_path(str(ROOT / "benchmarks" / "weights_streamed.py"))["lines"]
    assert (RESULTS / "cpu" / "weights_streamed.txt").read_text().splitlines() == lines(form)
    assert form["rows"]["weights A B"]["mib"] * 2**20 < 3 * form["largest"]


def test_the_memory_of_either_way():
    """contrast_memory.txt is contrast_memory.json, and what is counted is what processes take, to a tenth."""
    form = read("cpu/contrast_memory.json")
    lines = runpy.run_path(str(ROOT / "benchmarks" / "contrast_memory.py"))["lines"]
    assert (RESULTS / "cpu" / "contrast_memory.txt").read_text().splitlines() == lines(form)
    large = [row for row in form["found"] if row["row"] != "scan of blocks, made again"]  # made small
    assert all(row["bytes"] >= 256 << 20 for row in large)
    assert all(abs(row["apart"]) <= 0.1 for row in form["found"])


def test_how_far_above_the_floor():
    """above_floor.txt is above_floor.json."""
    lines = runpy.run_path(str(ROOT / "benchmarks" / "above_floor.py"))["lines"]
    printed = [line for size in read("cpu/above_floor.json")["sizes"] for line in lines(size)]
    assert (RESULTS / "cpu" / "above_floor.txt").read_text().splitlines() == printed


def test_ten_runs():
    """repeatability.txt is repeatability.json."""
    lines = runpy.run_path(str(ROOT / "benchmarks" / "repeatability.py"))["lines"]
    committed = (RESULTS / "cpu" / "repeatability.txt").read_text()
    assert committed.splitlines() == lines(read("cpu/repeatability.json"))


def test_the_study_of_weight_maps():
    """study-weights.txt is study-weights.json, and what the pages quote."""
    form = read("cpu/study-weights.json")
    assert (RESULTS / "cpu" / "study-weights.txt").read_text() == text(form) + "\n"
    assert (form["refused"], form["wrong_maps"], form["not_named"], form["broken"]) == ([], [], [], [])


def test_the_main_job():
    """main-job.txt is verify.json, train.json and contrast.json; its own quick benchmark, whose figure no page quotes,
    is not kept."""
    verdicts = read("cpu/verify.json")
    text = shown(
        80,
        lambda out: show_verify(verdicts, out),
        lambda out: show_training(read("cpu/train.json"), out),
        lambda out: _show_other_uses(read("cpu/contrast.json"), read("cpu/bench.json"), out),
    )
    committed = (RESULTS / "cpu" / "main-job.txt").read_text()
    *lines, last = committed.splitlines()
    assert without_times(text) == without_times("\n".join(lines) + "\n")
    assert last.startswith(_last_word(True, verdicts))


def without_times(text):
    """A text with a mark for what the benchmark said: its own run of it was another."""
    marked, count = re.subn(r"(?<=^bench: jaxport bench mlp --quick\n).*?rounds$", "(timed)", text, flags=re.M | re.S)
    assert count == 1
    return marked
