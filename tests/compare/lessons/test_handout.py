"""A lesson handed out without one side's body."""

import ast
import shlex
from pathlib import Path

import pytest

from compare.cli.cli import main
from compare.errors import UsageError
from compare.lessons import LESSONS
from compare.lessons.handout import SIDES, handout, lesson_of
from compare.lessons.sources import source

USERS_MODELS = True


@pytest.mark.parametrize("side", SIDES)
@pytest.mark.parametrize("lesson", LESSONS.values(), ids=lambda one: one.name)
def test_a_handout_is_python_without_the_answer(lesson, side, tmp_path):
    """It compiles, names its lesson, keeps the signature, and no statement of the body is in it."""
    path = tmp_path / "mine.py"
    text = handout(lesson, side, path)
    path.write_text(text)
    assert lesson_of(path) == (lesson.name, side)
    (function,) = (node for node in ast.parse(text).body if isinstance(node, ast.FunctionDef))
    (answer,) = ast.parse(source(SIDES[side], lesson.file, lesson.function).text).body
    assert ast.dump(function.args) == ast.dump(answer.args)
    code = text[: text.index("\n# ")]
    for statement in answer.body[1:]:
        assert ast.unparse(statement) not in ast.unparse(ast.parse(code))


def test_a_handout_is_called_like_its_lesson(tmp_path, monkeypatch, capsys):
    """Where no name is given; without a lesson one is needed."""
    monkeypatch.chdir(tmp_path)
    assert main(["new", "--lesson", "tape", "--side", "reference"]) == 0
    assert lesson_of(tmp_path / "tape.py") == ("tape", "reference")
    assert main(["new"]) == 2
    assert "expected the name of a file to write" in capsys.readouterr().err
    assert main(["new", "--lesson", "taps"]) == 2
    assert "did you mean tape?" in capsys.readouterr().err


@pytest.mark.parametrize("name", ['a"""b.py', "b\\x.py", "two words.py"])
def test_whatever_its_name_a_handout_is_python(name):
    """The name stands in its docstring, as a shell takes it for one word."""
    told = ast.get_docstring(ast.parse(handout(LESSONS["tape"], "port", Path(name))))
    assert f"jaxport verify {shlex.quote(name)}\n" in str(told)


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-8"])
def test_a_handout_is_known_as_python_reads_it(encoding, tmp_path):
    """Also where an editor has put a byte order mark in front."""
    path = tmp_path / "mine.py"
    path.write_text(handout(LESSONS["tape"], "port", path), encoding=encoding)
    assert lesson_of(path) == ("tape", "port")


def test_nothing_is_overwritten(tmp_path, capsys):
    path = tmp_path / "mine.py"
    path.write_text("mine")
    assert main(["new", str(path), "--lesson", "broadcasting"]) == 2
    assert path.read_text() == "mine"


@pytest.mark.parametrize(
    ("text", "said"),
    [('LESSON, SIDE = "tape", "left"', "SIDE: expected"), ("LESSON, SIDE = f()", "expected a line like")],
)
def test_a_spoilt_handout_is_one_clear_line(text, said, tmp_path):
    path = tmp_path / "mine.py"
    path.write_text(text)
    with pytest.raises(UsageError, match=said):
        lesson_of(path)


def test_any_other_file_is_none(tmp_path):
    path = tmp_path / "mine.py"
    path.write_text("pair = 3")
    assert lesson_of(path) is None
    path.write_text("def (")
    assert lesson_of(path) is None
    assert lesson_of(tmp_path / "nothing.py") is None
