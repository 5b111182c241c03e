"""Which files names, folders and globs stand for."""

from pathlib import Path

import pytest

from compare.cli.many.wanted import means_many, wanted
from compare.errors import UsageError
from tests.compare.cli.many.test_local_sources import read_anew

pytestmark = pytest.mark.usefixtures("elsewhere")
PAIR = "from compare import Pair\npair = Pair(1, 2, 3)\n"


@pytest.fixture(autouse=True)
def zoo(elsewhere):
    """Two pairs, a helper, a lesson's file, and what no glob brings."""
    for name, text in {
        "zoo/a.py": PAIR,
        "zoo/deep/b.py": PAIR,
        "zoo/helper.py": "x = 1\n",
        "zoo/marked.py": 'LESSON, SIDE = "tape", "port"\n',
        "zoo/.hidden/c.py": PAIR,
        "zoo/notes.txt": "",
        "odd[1].py": PAIR,
        "-dash.py": PAIR,
    }.items():
        Path(name).parent.mkdir(parents=True, exist_ok=True)
        Path(name).write_text(text)
    Path("empty").mkdir()
    read_anew()


@pytest.mark.parametrize("name", ["zoo", "zoo/", "zoo/**/*.py", "./zoo/../zoo/**", "zoo/**/*"])
def test_a_folder_and_a_glob_bring_what_makes_a_pair(name):
    """In the order of names; the others are listed."""
    found = wanted([name])
    assert list(found.sources) == ["zoo/a.py", "zoo/deep/b.py", "zoo/marked.py"]
    assert found.skipped == ["zoo/helper.py"]
    assert found.named == frozenset()


def test_what_is_named_is_taken_as_it_is():
    """Whatever is in it, and once, whichever way it is written; beside it the project's own pairs."""
    found = wanted(["zoo/helper.py", "mlp", "./zoo/a.py", "zoo/*.py", "-dash.py", "odd[1].py"])
    assert list(found.sources) == [
        "zoo/helper.py", "mlp", "zoo/a.py", "zoo/marked.py", "./-dash.py", "odd[1].py",
    ]  # fmt: skip
    assert found.named == {"zoo/helper.py", "mlp", "zoo/a.py", "./-dash.py", "odd[1].py"}
    assert found.skipped == []
    assert found.sources["mlp"] == []
    assert found.sources["zoo/a.py"] == [Path("zoo/a.py").resolve()]


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("nowhere/*.py", r"^nowhere/\*\.py: matches no Python file: expected some that define a pair$"),
        ("empty", "^empty: has no Python file: expected some that define a pair$"),
        ("zoo/h*.py", r"^zoo/h\*\.py: matches 1 Python file, of which none makes a Pair$"),
        ("zoo/none.py", "^zoo/none.py: there is no such file"),
        ("unknown", "^unknown pair 'unknown'"),
    ],
)
def test_what_brings_nothing_is_refused(name, words):
    """In one line."""
    with pytest.raises(UsageError, match=words):
        wanted(["zoo/a.py", name])


def test_what_asks_for_many():
    """A file whose name has a bracket is a file, and a pair of the project's is one though a folder has its name."""
    Path("mlp").mkdir()
    names = ("zoo", "zoo/*.py", "zoo/a.py", "odd[1].py", "mlp", "", "x?.py")
    assert [name for name in names if means_many([name])] == ["zoo", "zoo/*.py", "x?.py"]


def test_a_file_elsewhere_keeps_its_whole_path(tmp_path, monkeypatch):
    """It lies in no folder below this one."""
    there = Path("zoo/a.py").resolve()
    (tmp_path / "work").mkdir()
    monkeypatch.chdir(tmp_path / "work")
    assert list(wanted([str(there)]).sources) == [str(there)]
