"""The main job: its files, its exit codes, and what the last line says."""

import io
import re
import sys
from pathlib import Path

import pytest

from compare.cli import itself
from compare.cli.cli import main
from compare.cli.commands import bench, contrast, train, verify
from compare.pair import pairs
from tests.compare.command_line import LOOSE, SHORT, Ran, files, jaxport, strictly
from tests.once import once

USERS_OWN = ["compare.py", "jaxport.py", "numpy.py", "torchref.py"]
WRITTEN = ["bench.json", "contrast.json", "report.html", "train.json", "training.png", "verify.json"]

pytestmark = [pytest.mark.usefixtures("elsewhere"), pytest.mark.optimized]


def in_few_rounds(own):
    """How the main job starts its benchmark, whose figures nobody looks at here: in as few rounds as there may be."""

    def command(*words):
        return [*own(*words), *(("--rounds", "3") if words[0] == "bench" else ())]

    return command


@pytest.fixture(scope="module")
def job(tmp_path_factory):
    """The main job, run once for all on few steps, where files of the user's have the names of our packages and of
    NumPy: what it came to, and its folder."""

    def run(folder: Path) -> Ran:
        with pytest.MonkeyPatch.context() as patch:
            patch.chdir(folder)
            patch.setattr(itself, "itself", in_few_rounds(itself.itself))
            for name in USERS_OWN:
                Path(name).write_text("raise SystemExit(0)")
            return jaxport(*SHORT, "--out", "out")

    ran, folder = once(tmp_path_factory, "main job", run)
    return Ran(*ran), folder / "out"


@pytest.fixture
def rerun(job, monkeypatch):
    """Have the main job find what it found in ``job``, but for the verdict on the training run."""

    def use(verdict="match"):
        found = {
            name: strictly((job[1] / f"{name}.json").read_text()) for name in ("verify", "train", "contrast", "bench")
        }
        verified, trained = found["verify"], found["train"]
        monkeypatch.setattr(contrast, "contrasted", lambda *given: found["contrast"])
        monkeypatch.setattr(bench, "timed_apart", lambda *given: found["bench"])
        monkeypatch.setattr(verify, "verified", lambda *given, **named: (verified, False))
        monkeypatch.setattr(train, "trained", lambda *given: trained | {"verdict": verdict})

    return use


def test_main_job(job):
    """The bare command verifies every pair, trains, shows the other uses, and ends by saying where to look."""
    ran, folder = job
    assert (ran.code, files(folder.parent)) == (0, sorted([*USERS_OWN, *(f"out/{name}" for name in WRITTEN)]))
    for heading in ("contrast: jaxport contrast mlp", "bench: jaxport bench mlp --quick", "read: jaxport read mlp"):
        assert heading in ran.out.splitlines()
    assert (folder / "training.png").read_bytes().startswith(b"\x89PNG\r\n")
    page = (folder / "report.html").read_text()
    assert all(f'<section id="{name}">' in page for name in ("verify", "train", "contrast", "bench"))
    verified = strictly((folder / "verify.json").read_text())
    assert {pair["pair"]: pair["verdict"] for pair in verified["pairs"]} == dict.fromkeys(pairs.REGISTRY, "match")
    assert ran.out.count("verdict    match") == len(pairs.REGISTRY) + 1
    last = ran.out.splitlines()[-1]
    assert last.startswith("The port is the same function. See out/report.html;")
    assert "out/verify.json and train.json" in last


def test_main_job_json(rerun, job, tmp_path):
    """``--json -`` with the main job: both forms on standard output, all text on standard error, files in report/."""
    rerun()
    ran = jaxport(*SHORT, "--json", "-")
    form = strictly(ran.out)
    assert files(tmp_path) == [f"report/{name}" for name in WRITTEN]
    assert (ran.code, set(form)) == (0, {"schema", "verify", "train", "contrast", "bench"})
    assert form["verify"] == strictly((job[1] / "verify.json").read_text())
    assert "The port is the same function." in ran.err


def test_training_that_fails(rerun):
    """A training run that does not match gives exit code 1, and the main job's last line says so."""
    rerun("mismatch")
    assert jaxport("train", *SHORT).code == 1
    ran = jaxport(*SHORT, "--out", "out")
    assert (ran.code, ran.out.splitlines()[-1].split(".")[0]) == (1, "The port is NOT the same function")


@pytest.mark.parametrize("folder", ["a_long_path/" * 12 + "out", "run[bold]"])
def test_where_to_look(rerun, folder):
    """The paths in the last line stand as they are, so that they can be copied."""
    rerun()
    assert f"{folder}/report.html" in jaxport(*SHORT, "--out", folder).out.splitlines()[-1]


class Screen(io.StringIO):
    """A terminal."""

    def isatty(self) -> bool:
        return True


def test_colour(job, monkeypatch):
    """Colours on a terminal; none under NO_COLOR; where nobody watches no escape code at all."""
    monkeypatch.setattr(
        verify, "verified", lambda *given, **named: (strictly((job[1] / "verify.json").read_text()), False)
    )
    monkeypatch.setenv("TERM", "xterm-256color")
    for name in ("NO_COLOR", "FORCE_COLOR", "COLUMNS"):
        monkeypatch.delenv(name, raising=False)
    shown = {}
    for variable in ("ANY", "NO_COLOR"):
        monkeypatch.setenv(variable, "1")
        monkeypatch.setattr(sys, "stdout", Screen())
        main(LOOSE)
        shown[variable] = sys.stdout.getvalue()
    colours = r"\x1b\[(\d+;)*(3|4|9|10)\d[;m]"
    assert re.search(colours, shown["ANY"])
    assert not re.search(colours, shown["NO_COLOR"])
    assert "\x1b" not in "".join((*jaxport(*LOOSE)[1:], *job[0][1:]))
