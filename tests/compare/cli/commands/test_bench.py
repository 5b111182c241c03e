"""``jaxport bench``: what it asks of each process, what it refuses, which rows differ, and its run in the main job."""

import argparse
import json
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from compare.cli import itself
from compare.cli.bench_options import question_of
from compare.cli.cli import parsed
from compare.cli.commands import bench
from compare.cli.commands.bench import differing, timed, timed_apart
from compare.frameworks import devices
from compare.measure.bench import processes, threads
from compare.sides.progress import say_nothing
from tests.compare.command_line import jaxport, refused
from tests.compare.measure.bench.test_joined import process

WRITTEN = Path(__file__).parents[4] / "results" / "cpu" / "bench.json"
OPTIONS = argparse.Namespace(seed=3, batch=20, data=None)


def test_what_differs():
    """A row that is another function, by its verdict; where nothing was timed, none."""
    rows = [{"name": name, "verdict": name} for name in ("match", "float32_only", "mismatch", "invalid")]
    assert differing({"rows": rows}) == ["mismatch", "invalid"]
    assert differing(None) == []


def test_only_the_first_process_has_everything_to_find(monkeypatch):
    """Its gates look and it finds the lengths of blocks; the others take both from it. Threads are set before any."""
    asked, order = [], []
    monkeypatch.setattr(threads, "pin", lambda count: order.append(("pin", count)))

    def answered(ask, question, progress):
        assert ask is bench.answer
        order.append("process")
        asked.append(question)
        progress("building")
        return process(1.0)

    monkeypatch.setattr(processes, "in_fresh_process", answered)
    said: list[str] = []
    question = question_of(parsed(["bench", "--threads", "1", "--force"]))
    found = timed(question, 3, said.append)
    assert order == [("pin", 1), "process", "process", "process"]
    assert asked[0] == question
    calls = {row.name: row.calls for row in process(1.0).rows}
    assert (
        asked[1] == asked[2] == replace(question, gated=False, calls=calls, without=("jax op by op",))
    )  # forced: what is stopped runs too
    assert said == [f"process {number} of 3: building" for number in (1, 2, 3)]
    assert (found.processes, found.forced) == (3, True)


def test_what_the_first_process_stopped_is_not_built_again(monkeypatch):
    """Its time would be thrown away; nor is what stands in no ratio."""
    asked = []
    monkeypatch.setattr(threads, "pin", lambda count: None)
    monkeypatch.setattr(
        processes, "in_fresh_process", lambda ask, question, progress: asked.append(question) or process(1.0)
    )
    timed(question_of(parsed(["bench"])), 2, say_nothing)
    assert [question.without for question in asked] == [(), ("jax op by op", "torch.compile")]


def test_one_process_is_not_counted(monkeypatch):
    """There is nothing to count."""
    monkeypatch.setattr(threads, "pin", lambda count: None)
    monkeypatch.setattr(processes, "in_fresh_process", lambda ask, question, progress: progress("a") or process(1.0))
    said: list[str] = []
    timed(question_of(parsed(["bench"])), 1, said.append)
    assert said == ["a"]


@pytest.mark.parametrize(
    "arguments",
    [
        ("nope",),
        ("--threads", "9999"),
        ("--rounds", "2"),
        ("--dtype", "float8"),
        ("--sweep", "s.json", "--batch", "8"),
        ("loose", "--width", "8"),
        ("loose", "--depth", "3"),
        ("--compare", "a.json", "b.json"),
        ("--compare", "a.json", "b.json", "--quick"),
        ("--sweep", "-"),
    ],
)
def test_refused(arguments):
    """An unknown pair, more threads than processors, too few rounds for a median, no such precision, sizes that would
    be passed over, results that are not there: one line each."""
    refused(jaxport("bench", *arguments))


def test_an_unknown_row_is_refused_with_those_there_are(cpu):
    """Before anything is built."""
    from compare.errors import UsageError

    question = question_of(parsed(["bench", "loose", "--row", "jax.jid", "--device", "cpu"]))
    with pytest.raises(UsageError, match=r"--row 'jax\.jid': there is no such row: did you mean jax\.jit\?"):
        bench.answer(question, say_nothing)


def test_apart(monkeypatch, capsys):
    """Seed, rows and device arrive; JSON comes back; what could not run is one line and no form."""
    calls = []

    def program(*words):
        calls.append([sys.executable, "-c", f"import shutil; shutil.copy({str(WRITTEN)!r}, {words[4]!r})", *words])
        return calls[-1]

    monkeypatch.setattr(itself, "itself", program)
    assert timed_apart(OPTIONS, devices.choose("cpu")) == json.loads(WRITTEN.read_text())
    words = [word for word in calls[0][3:] if not word.endswith("bench.json")]
    assert " ".join(words) == "bench mlp --quick --json --device cpu --seed 3 --batch 20"
    monkeypatch.setattr(itself, "itself", lambda *words: [sys.executable, "-c", "raise ValueError('no compiler')"])
    assert timed_apart(OPTIONS, devices.choose("cpu")) is None
    assert capsys.readouterr().err.splitlines()[-1] == "bench: ValueError: no compiler"


def test_a_result_is_not_written_over_what_is_compared(tmp_path):
    """It would be lost."""
    (tmp_path / "a.json").write_text("mine")
    a = str(tmp_path / "a.json")
    assert "would be overwritten" in refused(jaxport("bench", "--compare", a, a, "--json", a))
    assert (tmp_path / "a.json").read_text() == "mine"
