"""Which stream a command speaks on."""

import argparse
import json

import pytest

from compare.cli.streams import busy, emit, naming, remark
from compare.sides import progress
from compare.sides.progress import Within

FORM = {"verdict": "match", "gap": 0.5}


@pytest.mark.usefixtures("elsewhere")
@pytest.mark.parametrize(
    ("path", "shown", "in_file"), [(None, True, False), ("x.json", True, True), ("-", False, False)]
)
def test_text_or_json(path, shown, in_file, tmp_path, capsys):
    """Text on standard output, unless ``--json -`` asks for JSON alone there; a file beside the text."""
    emit(argparse.Namespace(json=path, here="."), FORM, lambda out: out.print("a verdict"))
    out, err = capsys.readouterr()
    assert err == ""
    assert ("a verdict" in out) == shown
    if path == "-":
        assert json.loads(out) == FORM
    assert (tmp_path / "x.json").exists() == in_file
    if in_file:
        assert json.loads((tmp_path / "x.json").read_text()) == FORM


def test_progress_and_remarks(capsys):
    """A remark to standard error; no spinner where that is no terminal, but a line a stage."""
    with busy("loading") as say:
        say("still loading")
    remark("wrote x")
    assert capsys.readouterr() == ("", "still loading\nwrote x\n")


def test_a_file_is_written_where_the_command_was_given(tmp_path, monkeypatch):
    """Though a pair's file may have gone to another folder since."""
    monkeypatch.chdir("/")
    emit(argparse.Namespace(json="x.json", here=str(tmp_path)), FORM, lambda out: None)
    assert json.loads((tmp_path / "x.json").read_text()) == FORM


@pytest.mark.parametrize(("logged", "told"), [(0.0, True), (1e9, False)])
def test_what_a_stage_is_at_is_a_line_of_a_log_where_it_takes_long(logged, told, monkeypatch, capsys):
    """A run that goes on for so long has begun: what is held is said."""
    monkeypatch.setattr(progress, "LOGGED", logged)
    with busy("verifying") as say:
        say("the weight map")
        naming("verifying x", say)(Within("piece 1 of 3"))
        said = capsys.readouterr().err
    assert said == ("the weight map\nverifying x: piece 1 of 3\n" if told else "")
