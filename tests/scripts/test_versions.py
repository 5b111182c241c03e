"""The tested sets of versions: the table says what the files pin, and one command runs the tests in each."""

import json
import re
import tomllib
from pathlib import Path

import pytest

from scripts import versions

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "versions.md").read_text()


def test_the_table_says_what_the_files_pin():
    """Each file has its row, each number of a row is the file's; and ``make versions`` runs the ones for the CPU."""
    head, _, *rows = [
        [cell.strip("` ") for cell in line.strip("|").split("|")] for line in PAGE.splitlines() if line[:1] == "|"
    ]
    assert [row[0] for row in rows][:3] == list(versions.cpu_sets(ROOT))
    assert sorted(row[0] for row in rows) == sorted(path.stem for path in (ROOT / "constraints").glob("*.txt"))
    for name, python, *cells in rows:
        pinned = versions.pins(ROOT / "constraints" / f"{name}.txt")
        assert python == f"{name[2]}.{name[3:5]}"
        assert cells[:-1] == [pinned[package] for package in head[2:-1]], name
        assert ("make versions" in cells[-1]) == (name in versions.cpu_sets(ROOT))


def test_every_set_pins_all_that_the_project_asks_for():
    """For running, testing and the linters: a new requirement is a line of each file."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    asked = [
        *project["dependencies"],
        *(one for name in ("test", "lint") for one in project["optional-dependencies"][name]),
    ]
    names = {re.split(r"[\[<>=]", one)[0].replace("_", "-").lower() for one in asked} - {"jaxport"}
    assert len(names) > 20
    for path in (ROOT / "constraints").glob("*.txt"):
        assert names - set(versions.pins(path)) == set(), path.name


def test_the_sets_for_the_cpu_pin_nothing_for_a_gpu():
    """And those for a GPU do: the pattern knows what they ask for."""
    for path in (ROOT / "constraints").glob("*.txt"):
        assert bool([name for name in versions.pins(path) if versions.GPU.match(name)]) is ("cuda" in path.stem)


# An interpreter of a version that only says what it is asked, and does what a file beside it says.
PYTHON = """#!/bin/sh
case "$*" in
    *version_info*) echo {version};;
    "-m venv "*) echo venv >> {log}; mkdir -p "$3/bin" && cp "$0" "$3/bin/python";;
    *--dry-run*) echo plan >> {log}; while [ "$1" != --report ]; do shift; done; cp {planned} "$2";;
    "-m pip install"*) echo install >> {log}; exit {pip};;
    "-m pytest"*) echo test >> {log}; exit {tests};;
esac
"""


class Project:
    """A project with two sets, and a folder of interpreters that is all of PATH but the system's."""

    def __init__(self, root):
        self.root, self.log, self.planned = root, root / "log.txt", root / "plan.json"
        (root / "bin").mkdir()
        (root / "constraints").mkdir()
        (root / "pyproject.toml").write_text("")
        for name in ("py399-cpu", "py398-cpu", "py398-cuda13"):
            (root / "constraints" / f"{name}.txt").write_text("torch==1\njax==2\nflax==3\nnumpy==4\n")
        self.plan("torch", "numpy")

    def plan(self, *names):
        self.planned.write_text(json.dumps({"install": [{"metadata": {"name": name}} for name in names]}))

    def python(self, version, pip=0, tests=0):
        path = self.root / "bin" / f"python{version}"
        path.write_text(PYTHON.format(log=self.log, version=version, planned=self.planned, pip=pip, tests=tests))
        path.chmod(0o755)

    def run(self, *arguments):
        self.log.write_text("")
        code = versions.main([*arguments, "tests/a.py"], self.root)
        return code, self.log.read_text().split()


@pytest.fixture
def project(tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", f"{tmp_path / 'bin'}:/usr/bin:/bin")
    return Project(tmp_path)


WHOLE = ["venv", "plan", "install", "test"]


def test_every_set_is_installed_once_and_tested(project, capsys):
    """In an environment of its own, looked through before anything is fetched; anew when its pins change."""
    project.python("3.98")
    project.python("3.99")
    assert project.run() == (0, WHOLE * 2)
    assert capsys.readouterr().out.splitlines()[-2:] == [
        "py398-cpu  Python 3.98, torch 1, jax 2, flax 3, numpy 4: passed",
        "py399-cpu  Python 3.99, torch 1, jax 2, flax 3, numpy 4: passed",
    ]
    assert project.run() == (0, ["test"] * 2)
    with (project.root / "constraints" / "py399-cpu.txt").open("a") as file:
        file.write("optax==5\n")
    assert project.run() == (0, ["test", *WHOLE[1:]])
    assert project.run("--set", "py399-cpu") == (0, ["test"])


def test_a_failing_set_keeps_no_other_from_its_tests(project, capsys):
    project.python("3.98", tests=1)
    project.python("3.99")
    assert project.run() == (1, WHOLE * 2)
    assert "numpy 4: FAILED" in capsys.readouterr().out


def test_a_set_that_cannot_be_run_is_said(project, capsys):
    """No such Python, or an install that fails: exit code 2, and no test is run there."""
    project.python("3.98", pip=1)
    assert project.run() == (2, WHOLE[:3])
    out = capsys.readouterr().out
    assert "numpy 4: not run: pip: failed" in out
    assert "numpy 4: not run: no Python 3.99 on PATH" in out


def test_no_build_for_a_gpu_is_ever_fetched(project, capsys):
    """Where the index serves torch's CUDA build, the plan is as far as it goes."""
    project.python("3.98")
    project.plan("torch", "nvidia-cublas", "triton", "numpy")
    assert project.run("--set", "py398-cpu") == (2, WHOLE[:2])
    assert "torch's CUDA build (nvidia-cublas and 1 more): set PIP_EXTRA_INDEX_URL" in capsys.readouterr().out
