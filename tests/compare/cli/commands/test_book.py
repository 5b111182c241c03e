"""``jaxport book``: its exit codes, and the folder that it refuses."""

import pytest

from compare import lessons
from compare.cli.cli import main
from compare.errors import UsageError
from compare.lessons import run
from compare.verdict.verdict import Judgement, Verdict
from tests.compare.command_line import CPU, jaxport


@pytest.mark.parametrize("verdict", ["mismatch", "failure"])
def test_the_command_says_so_where_a_lesson_fails(verdict, monkeypatch, tmp_path, capsys):
    """Exit code 1, and the page shows it."""

    def fails(lesson, device, seed):
        if verdict == "failure":
            raise UsageError("lesson broadcasting: the port raised E: <why>")
        return run.LessonReport(lesson.name, "cpu", (run.Returned("x", "1", "2", Judgement(Verdict.MISMATCH)),))

    monkeypatch.setattr(run, "run", fails)
    monkeypatch.setattr(lessons, "LESSONS", {"broadcasting": lessons.find("broadcasting")})
    out = ("--out", tmp_path / "book")
    assert jaxport("book", *CPU, *out, "--json", tmp_path / "book.json").code == 1  # its JSON is held to its schema
    assert main(["book", *CPU, *map(str, out)]) == 1
    page = (tmp_path / "book" / "broadcasting.html").read_text(encoding="utf-8")
    assert ("the port raised E: &lt;why&gt;" if verdict == "failure" else "✗</span> mismatch") in page
    assert "index.html" in capsys.readouterr().out


def test_a_folder_that_is_no_book_is_refused_in_one_line(tmp_path, capsys):
    """Exit code 2, before anything is loaded."""
    (tmp_path / "mine").write_text("")
    assert main(["book", "--out", str(tmp_path)]) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert "no book of ours" in line
