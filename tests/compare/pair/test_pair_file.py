"""A user's file: every pair in it, by name; what it cannot be; and the starting file."""

import ast
import json
import shlex
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from compare.errors import UsageError
from compare.pair.pair_file import TEMPLATE, check_names, check_syntax, load, module_of, starting_text, told_apart

PAIR = "from compare import Pair\npair = Pair(None, None, None)\n"
TWO_OF_ONE_NAME = "from compare import Pair\na, b = Pair(1, 2, 3, name='same'), Pair(4, 5, 6, name='same')\n"


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


def test_a_file_of_an_unprintable_name_gives_what_can_be_shown_of_it(write):
    """As a name that the file system's encoding does not have."""
    assert [one.name for one in load(write(PAIR, "a\udcff.py"))] == [r"a\udcff"]


def test_several_pairs_are_named_for_their_variables(write):
    """In the order of the file; one pair under two names is one pair."""
    text = "from compare import Pair\nsmall = Pair(1, 2, 3)\nlarge = Pair(4, 5, 6)\nagain = small\n"
    found = load(write(text))
    assert [(one.name, one.reference) for one in found] == [("small", 1), ("large", 4)]


def test_two_pairs_of_one_name_are_refused(write):
    """In one file, or in several."""
    path = write(TWO_OF_ONE_NAME)
    with pytest.raises(UsageError) as raised:
        load(path)
    assert str(raised.value) == (
        f"two pairs are called 'same', both in {path}: give one another name, Pair(..., name=...)"
    )
    check_names([("mlp", "mlp"), ("a.py", "a")])
    with pytest.raises(UsageError, match=r"two pairs are called 'mlp', in mlp and in a\.py: give one"):
        check_names([("mlp", "mlp"), ("a.py", "mlp")])


def test_pairs_of_one_name_in_two_folders_are_told_apart(tmp_path):
    """By the folder of each; what has a name of its own keeps it, and one file twice is refused."""
    paths = []
    for folder in ("one", "two"):
        (tmp_path / folder).mkdir()
        paths.append(tmp_path / folder / "pair.py")
        paths[-1].write_text(PAIR)
    (first,), (second,) = map(load, paths)
    named = [(str(paths[0]), first), (str(paths[1]), second), ("mlp", replace(first, name="mlp"))]
    assert [pair.name for pair in told_apart(named)] == ["one/pair", "two/pair", "mlp"]
    with pytest.raises(UsageError, match="two pairs are called 'one/pair', both in"):
        told_apart([named[0], named[0]])


def test_what_lies_beside_the_file_can_be_imported(write, tmp_path, monkeypatch):
    """As ``python mine.py`` would, and by a function of the file later on too."""
    write("value = 41\n", "a_neighbour_of_mine.py")
    (found,) = load(
        write("import a_neighbour_of_mine as n\n" + PAIR.replace("None, None, None", "n.value, None, None"))
    )
    assert found.reference == 41
    assert str(tmp_path) in sys.path
    sys.path.remove(str(tmp_path))


def test_the_folder_of_several_files_is_searched_first_and_stands_once(write, tmp_path, monkeypatch):
    """However many are loaded: what a function of theirs imports when it is called is still found."""
    monkeypatch.setattr(sys, "path", [*sys.path])
    write("value = 41\n", "another_neighbour.py")
    write("def batch():\n    import another_neighbour\n    return another_neighbour.value\n", "first.py")
    write("", "second.py")
    first = module_of(tmp_path / "first.py")
    sys.path.insert(0, "/elsewhere")
    module_of(tmp_path / "second.py")
    assert sys.path.index(str(tmp_path)) == 0
    assert sys.path.count(str(tmp_path)) == 1
    assert first.batch() == 41


def test_dataclasses_and_classes_work_in_it(write):
    """Their module is known while the file runs."""
    text = "from __future__ import annotations\nfrom dataclasses import dataclass\n@dataclass\nclass A:\n    x: int\n\n"
    assert load(write(text + PAIR))


def test_the_file_is_not_run_as_main(write):
    """What stands under ``if __name__ == '__main__'`` is the user's own."""
    assert load(write(PAIR + "if __name__ == '__main__':\n    raise SystemExit(3)\n"))


REFUSED = {
    "no pair": ("x = 1\n", "defines no Pair: expected a line like pair = Pair(reference, port, batch)"),
    "raises": ("x = 1\nraise ValueError('no\\nsuch file')\n", "mine.py:2: ValueError: no such file"),
    "raises deep inside": (
        "def f():\n    import json\n    json.loads('{')\n\n\nf()\n",
        "mine.py:3: JSONDecodeError",
    ),
    "no syntax": ("def f(:\n", "mine.py:1: SyntaxError: invalid syntax"),
    "fails without a word": ("assert False\n", "mine.py:1: AssertionError"),
    "no import": ("import no_such_module_at_all\n", "mine.py:1: ModuleNotFoundError: No module named"),
    "exits": ("import sys\nsys.exit(0)\n", "mine.py:2: SystemExit: 0"),
    "a pair of nonsense": (
        "from compare import Pair\nPair(1, 2, 3, accept='x')\n",
        "accept: expected a tuple of names of parameters",
    ),
}


@pytest.mark.parametrize(("text", "complaint"), REFUSED.values(), ids=REFUSED)
def test_what_cannot_be_loaded_is_one_line(write, text, complaint):
    """With the file, and the line of the file where there is one."""
    with pytest.raises(UsageError) as raised:
        load(write(text))
    assert complaint in str(raised.value)
    assert "\n" not in str(raised.value)


@pytest.mark.parametrize(
    ("text", "outcome"),
    [
        ("import pytest\npytest.importorskip('no_such_module_at_all')\n", pytest.skip.Exception),
        ("import pytest\npytest.fail('no data')\n", pytest.fail.Exception),
        ("raise KeyboardInterrupt\n", KeyboardInterrupt),
    ],
)
def test_what_stops_a_test_passes(write, text, outcome):
    """A file may say what it needs, in pytest's words: its test is skipped then."""
    with pytest.raises(outcome):
        load(write(text))


def test_the_line_is_said_of_a_relative_path_too(write, monkeypatch):
    """As it is typed on a command line."""
    monkeypatch.chdir(write("x = 1\nraise ValueError('no')\n").parent)
    with pytest.raises(UsageError, match=r"mine\.py:2: ValueError: no"):
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
    text = starting_text(path)
    path.write_text(text)
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


@pytest.mark.parametrize("name", ["ü 文.py", 'a"""b.py', "a\\N.py"])
def test_the_starting_file_is_python_whatever_its_name(name):
    """The name stands in its docstring, as a shell takes it."""
    text = starting_text(Path(name))
    assert f"jaxport verify {shlex.quote(name)}" in str(ast.get_docstring(ast.parse(text)))


NO_PYTHON = {
    "syntax": (b"x = 1\ndef f(:\n", "mine.py:2: SyntaxError: invalid syntax"),
    "indent": (b"def f():\nx = 1\n", "mine.py:2: IndentationError: expected an indented block"),
    "null": (b"x = 1\0\n", "mine.py: SyntaxError: source code string cannot contain null bytes"),
    "latin 1": (b"x = '\xe9'\n", "mine.py:1: SyntaxError: (unicode error)"),
    "too deep": (b"x = " + b"(" * 5000 + b")" * 5000, "mine.py:1: SyntaxError: too many nested parentheses"),
    "return": (b"return 1\n", "mine.py:1: SyntaxError: 'return' outside function"),
}


@pytest.mark.parametrize(("source", "complaint"), NO_PYTHON.values(), ids=NO_PYTHON)
def test_what_is_no_python_is_found_without_running_it(tmp_path, source, complaint):
    """Once the place, and once what is wrong."""
    path = tmp_path / "mine.py"
    path.write_bytes(source)
    with pytest.raises(UsageError) as raised:
        check_syntax(path)
    assert complaint in str(raised.value)
    assert str(raised.value).count("mine.py") == 1


def test_python_passes_and_is_not_run(write):
    """Nor is a warning of the compiler's said twice."""
    check_syntax(write("raise ValueError('no')\n'\\d'\n"))


def test_what_cannot_be_read_is_refused(tmp_path):
    with pytest.raises(UsageError, match=r"none\.py: cannot be read \(No such file"):
        check_syntax(tmp_path / "none.py")


def test_what_lies_beside_one_file_is_not_what_lies_beside_another(tmp_path, monkeypatch):
    """Two files that import a module of one name, each from its own folder; one of the standard library stays."""
    monkeypatch.setattr(sys, "path", [*sys.path])
    for folder, factor in (("a", 1), ("b", 2)):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "json.py").write_text("")
        (tmp_path / folder / "models_beside.py").write_text(f"FACTOR = {factor}")
        (tmp_path / folder / "port.py").write_text("import json\nfrom models_beside import FACTOR\n")
    modules = [module_of(tmp_path / folder / "port.py") for folder in ("a", "b", "a")]
    assert [module.FACTOR for module in modules] == [1, 2, 1]
    assert {module.json for module in modules} == {json}
    monkeypatch.delitem(sys.modules, "models_beside")
