"""A user's file: every pair in it, by name; what it cannot be; and the starting file."""

import ast
import sys
from pathlib import Path

import pytest

from compare.errors import UsageError
from compare.pair.pair_file import TEMPLATE, load, write_new

PAIR = "from compare import Pair\npair = Pair(None, None, None)\n"


@pytest.fixture
def write(tmp_path):
    """Write a file, and return its path."""

    def at(text: str, name: str = "mine.py") -> Path:
        path = tmp_path / name
        path.write_text(text)
        return path

    return at


def test_a_pair_is_named_for_its_file(write):
    """Unless it has a name of its own."""
    assert [one.name for one in load(write(PAIR))] == ["mine"]
    assert [one.name for one in load(write(PAIR.replace("None)", "None, name='net')")))] == ["net"]


def test_several_pairs_are_named_for_their_variables(write):
    """In the order of the file; one pair under two names is one pair."""
    text = "from compare import Pair\nsmall = Pair(1, 2, 3)\nlarge = Pair(4, 5, 6)\nagain = small\n"
    found = load(write(text))
    assert [(one.name, one.reference) for one in found] == [("small", 1), ("large", 4)]


def test_what_lies_beside_the_file_can_be_imported(write, tmp_path, monkeypatch):
    """As ``python mine.py`` would, and by a function of the file later on too."""
    write("value = 41\n", "a_neighbour_of_mine.py")
    (found,) = load(
        write("import a_neighbour_of_mine as n\n" + PAIR.replace("None, None, None", "n.value, None, None"))
    )
    assert found.reference == 41
    assert str(tmp_path) in sys.path
    sys.path.remove(str(tmp_path))


def test_dataclasses_and_classes_work_in_it(write):
    """Their module is known while the file runs."""
    text = "from __future__ import annotations\nfrom dataclasses import dataclass\n@dataclass\nclass A:\n    x: int\n\n"
    assert load(write(text + PAIR))


def test_the_file_is_not_run_as_main(write):
    """What stands under ``if __name__ == '__main__'`` is the user's own."""
    assert load(write(PAIR + "if __name__ == '__main__':\n    raise SystemExit(3)\n"))


REFUSED = {
    "no pair": ("x = 1\n", "defines no Pair: expected a line like pair = Pair(reference, port, batch)"),
    "raises": ("x = 1\nraise ValueError('no\\nsuch file')\n", "mine.py, line 2: ValueError: no such file"),
    "raises deep inside": (
        "def f():\n    import json\n    json.loads('{')\n\n\nf()\n",
        "mine.py, line 3: JSONDecodeError",
    ),
    "no syntax": ("def f(:\n", "mine.py, line 1: SyntaxError"),
    "no import": ("import no_such_module_at_all\n", "mine.py, line 1: ModuleNotFoundError: No module named"),
    "exits": ("import sys\nsys.exit(0)\n", "mine.py, line 2: SystemExit: 0"),
    "a pair of nonsense": ("from compare import Pair\nPair(1, 2, 3, accept=('x',))\n", "accept: expected some of"),
}


@pytest.mark.parametrize(("text", "complaint"), REFUSED.values(), ids=REFUSED)
def test_what_cannot_be_loaded_is_one_line(write, text, complaint):
    """With the file, and the line of the file where there is one."""
    with pytest.raises(UsageError) as raised:
        load(write(text))
    assert complaint in str(raised.value)
    assert "\n" not in str(raised.value)


def test_the_line_is_said_of_a_relative_path_too(write, monkeypatch):
    """As it is typed on a command line."""
    monkeypatch.chdir(write("x = 1\nraise ValueError('no')\n").parent)
    with pytest.raises(UsageError, match=r"mine\.py, line 2: ValueError: no"):
        load(Path("mine.py"))


def test_a_file_that_is_not_there_is_refused(tmp_path):
    """Nor is a folder a file."""
    with pytest.raises(UsageError, match="expected a Python file that defines a Pair, found nothing"):
        load(tmp_path / "none.py")
    with pytest.raises(UsageError, match="found a folder"):
        load(tmp_path)


def test_a_file_of_another_kind_is_refused(write):
    """Without a traceback of the import system."""
    with pytest.raises(UsageError, match=r"expected a Python file \(\.py\) that defines a Pair"):
        load(write(PAIR, "mine.txt"))


def test_the_starting_file_is_commented_and_defines_one_pair(tmp_path):
    """Python as it is, its own name in it, both models, both losses, both optimizers."""
    path = tmp_path / "pair.py"
    write_new(path)
    text = path.read_text()
    assert f"jaxport verify {path}" in text
    assert "{{" not in text
    assert sum(line.lstrip().startswith("#") or '"""' in line for line in text.splitlines()) >= 5
    tree = ast.parse(text)
    assert {node.name for node in tree.body if isinstance(node, ast.ClassDef)} == {"Reference", "Port"}
    (pair,) = load(path)
    assert pair.name == "pair"
    assert pair.loss
    assert pair.optimizers
    assert TEMPLATE.count("{name}") == 1


def test_nothing_is_overwritten(write, tmp_path):
    """And a name of another kind, or a folder that is not there, is refused."""
    path = write("kept")
    with pytest.raises(UsageError, match="is there already, and is not overwritten"):
        write_new(path)
    assert path.read_text() == "kept"
    with pytest.raises(UsageError, match=r"expected a name that ends in \.py"):
        write_new(tmp_path / "pair")
    with pytest.raises(UsageError, match="cannot be written"):
        write_new(tmp_path / "no" / "pair.py")
