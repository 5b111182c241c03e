"""``jaxport verify`` over many files: what runs, what is taken, what the whole comes to, and how it stops."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from compare.cli.many import many
from compare.cli.many.many import task_of
from compare.cli.many.task import JAXPORT, PYTHON, RESULT, Task
from compare.frameworks.environment import installed
from tests.compare.cli.many.test_child import gone
from tests.compare.cli.many.test_local_sources import read_anew
from tests.compare.command_line import jaxport, refused, strictly
from tests.compiling import quick_environment

USERS_MODELS = True
pytestmark = [
    pytest.mark.usefixtures("elsewhere"),
    pytest.mark.skipif(sys.platform == "win32", reason="processes end by signals elsewhere"),
]
# In the place of the judge: what a file's first line says is done.
JUDGE = """
import json, os, sys, time
name, result = sys.argv[1:3]
word = open(name).readline().strip("# \\n")
with open("ran.txt", "a") as file:
    file.write(name + "\\n")
if word in ("match", "mismatch"):
    json.dump({"verdict": word}, open(result, "w"))
    sys.exit(word == "mismatch")
if word == "hang":
    open("pid", "w").write(str(os.getpid()))
    time.sleep(600)
if word == "die":
    os.kill(os.getpid(), 9)
sys.stderr.write(f"jaxport: {word}\\n")
sys.exit(2)
"""
PAIR = "from compare import Pair\n"


@pytest.fixture
def zoo(monkeypatch):
    """A function that writes files, each with its word, and runs the command over them with a judge that takes no
    time."""
    Path("judge.txt").write_text(JUDGE)
    monkeypatch.setattr(
        many, "task_of",
        lambda name, words: Task(name, (PYTHON, "-I", "-S", os.path.abspath("judge.txt"), name, RESULT)),
    )  # fmt: skip

    def run(*words, **files):
        for name, word in files.items():
            Path(f"{name}.py").write_text(f"# {word}\n{PAIR}")
        read_anew()
        Path("ran.txt").write_text("")
        ran = jaxport("verify", "*.py", "--json", "all.json", *words)
        return ran, strictly(Path("all.json").read_text()) if ran.code in (0, 1, 2) and Path(
            "all.json"
        ).exists() else {}

    return run


def ran_files() -> list[str]:
    return sorted(Path("ran.txt").read_text().split())


def by_name(form, key="outcome"):
    return {row["name"]: row[key] for row in form["rows"]}


def test_each_file_is_a_row_however_its_process_ends(zoo):
    """And none keeps another from its verdict; the exit code is the worst."""
    ran, form = zoo("-j", "3", "--timeout", "2", a="match", b="mismatch", c="hang", d="die", e="b.py:3: no such thing")
    assert by_name(form) == {
        "a.py": "match", "b.py": "mismatch", "c.py": "timed out", "d.py": "crashed", "e.py": "cannot start",
    }  # fmt: skip
    assert (ran.code, form["code"], form["verdict"], form["at_once"]) == (2, 2, "mismatch", 3)
    assert by_name(form, "text")["e.py"] == "b.py:3: no such thing"
    assert ran.out.splitlines()[-1] == (
        "verdict    1 mismatch (b.py); 1 crashed (d.py); 1 cannot start (e.py); 1 timed out (c.py); 1 match"
    )
    assert len([line for line in ran.err.splitlines() if "/5 " in line]) == 5
    assert Path(".jaxport/index.html").exists()


def test_a_second_run_takes_what_has_not_changed(zoo, monkeypatch):
    """It runs what has, what has failed, and what was never seen; and says so. A verdict that was no match stands."""
    zoo(a="match", b="mismatch", c="die", d="match")
    assert ran_files() == ["a.py", "b.py", "c.py", "d.py"]
    ran, form = zoo(c="die", d="mismatch", e="match")
    assert ran_files() == ["c.py", "d.py", "e.py"]
    assert by_name(form, "taken") == {"a.py": True, "b.py": True, "c.py": False, "d.py": False, "e.py": False}
    assert by_name(form, "why") == {
        "a.py": "", "b.py": "", "c.py": "crashed before", "d.py": "source", "e.py": "new",
    }  # fmt: skip
    assert [(run["outcome"], run["changed"]) for run in form["rows"][3]["past"]] == [
        ("match", []), ("mismatch", ["source"]),
    ]  # fmt: skip
    assert ".jaxport: 2 of 5 files taken from it" in ran.out
    zoo("--seed", "1", c="match")
    assert len(ran_files()) == 5
    zoo()
    assert ran_files() == ["c.py"]
    zoo("--again")
    assert len(ran_files()) == 5
    monkeypatch.setenv("JAX_PLATFORMS", "cpu")
    _, form = zoo()
    assert by_name(form, "why")["a.py"] == "JAX_PLATFORMS none → cpu"


@pytest.mark.parametrize(
    ("files", "code", "verdict"),
    [
        ({"a": "match"}, 0, "match"),
        ({"a": "match", "b": "mismatch"}, 1, "mismatch"),
        ({"a": "match", "b": "a.py: defines no Pair: expected"}, 0, "match"),
        ({"a": "die"}, 2, None),
    ],
)
def test_the_exit_code_is_the_worst(files, code, verdict, zoo):
    """A file of a glob that defines no pair is none."""
    ran, form = zoo(**files)
    assert (ran.code, form["verdict"]) == (code, verdict)
    assert zoo()[0].code == code


def test_what_was_named_must_define_a_pair(zoo):
    """Though a glob brought it before, and it is taken from the store."""
    zoo(a="a.py: defines no Pair: expected")
    assert jaxport("verify", "a.py", "-j", "1").code == 2


def test_the_index_has_what_other_runs_left(zoo):
    """Of the same question, as long as the file is there; the table has what was asked for."""
    zoo(a="match", b="match", c="match")
    Path("c.py").unlink()
    ran = jaxport("verify", "a.py", "-j", "1", "--html", "site")
    assert "b.py" not in ran.out
    text = Path("site/index.html").read_text()
    assert all(f">{name}.py<" in text for name in "ab")
    assert ">c.py<" not in text
    assert len(list(Path("site/pages").iterdir())) == 2


def test_what_cannot_begin_is_refused(zoo):
    """In one line, before anything runs; nothing is written over."""
    assert "matches no Python file" in refused(jaxport("verify", "none/*.py"))
    Path("a.py").write_text(f"# match\n{PAIR}")
    assert "is read by this command" in refused(jaxport("verify", "*.py", "--json", "a.py"))
    assert "takes one file" in refused(jaxport("verify", "*.py", "--every"))
    Path("file").touch()
    assert "output folder" in refused(jaxport("verify", "*.py", "--store", "file"))
    assert not Path(".jaxport").exists()


def test_the_ordinary_command_is_what_runs():
    """The judge's word is what that says."""
    task = task_of("a.py", ["--quick"])
    assert (task.name, task.command) == ("a.py", (JAXPORT, "verify", "a.py", "--quick", "--json", RESULT))


# The command in a process of its own, with the same judge.
COMMAND = """
import os, signal, sys
signal.signal(signal.SIGINT, signal.default_int_handler)  # which a shell's background job ignores
from compare.cli.many import many
from compare.cli.many.task import PYTHON, RESULT, Task
many.task_of = lambda name, words: Task(name, (PYTHON, "-I", "-S", os.path.abspath("judge.txt"), name, RESULT))
from compare.cli.cli import main
sys.exit(main(["verify", "*.py", "-j", "1"]))
"""


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_who_is_interrupted_ends_the_others_and_goes_on_later(number, zoo):
    """Ctrl-C, and a workflow that is cancelled: no process is left, and what was done is not done again."""
    for name, word in {"a": "match", "b": "hang", "c": "match"}.items():
        Path(f"{name}.py").write_text(f"# {word}\n{PAIR}")
    running = subprocess.Popen(
        [sys.executable, "-c", COMMAND], stderr=subprocess.PIPE, stdout=subprocess.DEVNULL, text=True
    )
    while not (Path("pid").exists() and Path("pid").read_text()):
        assert running.poll() is None
        time.sleep(0.05)
    running.send_signal(number)
    _, said = running.communicate(timeout=120)
    assert running.returncode == 130
    assert said.splitlines()[-2:] == [
        "1 of 3 are done and kept in .jaxport: the same command goes on from there", "jaxport: interrupted",
    ]  # fmt: skip
    assert gone(int(Path("pid").read_text()))
    _, form = zoo(b="match")
    assert by_name(form, "why") == {"a.py": "", "b.py": "new", "c.py": "new"}
    assert ran_files() == ["b.py", "c.py"]


SOUND = """
import numpy as np
import torch
from flax import linen as nn

from compare import Batch, Pair


class Port(nn.Module):
    @nn.compact
    def __call__(self, x):
        return FACTOR * nn.Dense(2)(x)


def batch(rng):
    return Batch.of((rng.standard_normal((3, 2), dtype=np.float32),), names=("x",))


pair = Pair(reference=torch.nn.Linear(2, 2), port=Port(), batch=batch)
"""


def test_two_files_by_the_judge_itself(monkeypatch):
    """From end to end: what differs is named, with its own page; the second run starts no process."""
    Path("zoo").mkdir()
    Path("zoo/sound.py").write_text(SOUND.replace("FACTOR", "1"))
    Path("zoo/wrong.py").write_text(SOUND.replace("FACTOR", "1.01"))
    for name, value in quick_environment().items():
        monkeypatch.setenv(name, value)
    command = ("verify", "zoo", "-j", "2", "--quick", "--no-locate", "--device", "cpu", "--json", "all.json")
    ran = jaxport(*command)
    form = json.loads(Path("all.json").read_text())
    assert (ran.code, by_name(form)) == (1, {"zoo/sound.py": "match", "zoo/wrong.py": "mismatch"}), ran
    kept = json.loads(Path(form["rows"][1]["kept"]).read_text())
    assert {one["name"] for one in kept["result"]["pairs"][0]["quantities"]} >= {"output", "grad/weight", "grad/bias"}
    page = next(Path(".jaxport/pages").glob("zoo-wrong*"))
    assert "wrong: mismatch" in page.read_text()
    monkeypatch.setattr(
        many, "in_processes", lambda tasks, *given, **named: iter([pytest.fail("ran")] if tasks else [])
    )
    read_anew()
    again = jaxport(*command)
    assert again.code == 1
    assert "2 of 2 files taken" in again.out


LOADING = """
import json, os, sys
from pathlib import Path
name, result = sys.argv[1:3]
ran = {"files": [os.path.abspath("hidden/helper.py")], "versions": {"numpy": os.environ["NUMPY"]}}
json.dump(ran, open(os.environ["JAXPORT_RAN"], "w"))
with open("ran.txt", "a") as file:
    file.write(name + "\\n")
if os.environ["MEANWHILE"]:
    Path(name).write_text(os.environ["MEANWHILE"])
json.dump({"verdict": "match"}, open(result, "w"))
"""


@pytest.fixture
def loading(zoo, monkeypatch):
    """A judge that loads a module from a folder that the sources do not name, and says so."""
    Path("judge.txt").write_text(LOADING)
    Path("hidden").mkdir()
    Path("hidden/helper.py").write_text("x = 1")
    monkeypatch.setenv("NUMPY", installed("numpy"))
    monkeypatch.setenv("MEANWHILE", "")
    return zoo


def test_what_only_the_process_knows_is_looked_at_again(loading):
    """A module from a folder that the file itself puts on Python's path: its change is seen, and named."""
    loading(a="match")
    loading()
    assert ran_files() == []
    Path("hidden/helper.py").write_text("x = 2")
    _, form = loading()
    assert (ran_files(), by_name(form, "why")) == (["a.py"], {"a.py": "modules that it loaded"})
    loading()
    assert ran_files() == []


def test_a_file_that_is_written_while_it_is_verified_runs_again(loading, monkeypatch):
    """Nobody knows which of both was."""
    monkeypatch.setenv("MEANWHILE", f"# another\n{PAIR}")
    loading(a="match")
    monkeypatch.setenv("MEANWHILE", "")
    _, form = loading()
    assert (ran_files(), by_name(form, "why")) == (["a.py"], {"a.py": "changed while it ran source → none, source"})
    loading()
    assert ran_files() == []


def test_a_worker_with_other_versions_is_no_run_of_these(loading, monkeypatch):
    """As on a machine of a cluster that was left behind; it runs until one has what is here."""
    monkeypatch.setenv("NUMPY", "1.0")
    loading(a="match")
    _, form = loading()
    assert (ran_files(), by_name(form, "why")) == (["a.py"], {"a.py": "where it ran numpy 1.0 → none"})
