"""Results read again: by kind, or one line of what was expected and what came."""

import json
import math
import os
import shutil
from pathlib import Path

import pytest

from compare.cli.written import unlike, written
from compare.errors import UsageError
from compare.report.contract import Number, VerdictWord
from compare.report.measured_contract import SpreadForm

RESULTS = Path(__file__).parents[3] / "results" / "cpu"


@pytest.mark.parametrize("name", ["verify", "train", "contrast", "bench"])
def test_what_a_command_wrote_comes_back(name):
    """The committed results are as the contract says, at every depth."""
    form = json.loads((RESULTS / f"{name}.json").read_text())
    assert written(RESULTS / f"{name}.json", f"{name} --json") == form


@pytest.mark.parametrize(
    ("value", "kind", "where"),
    [
        ({"median": 1, "lower": 1.0, "upper": 2.0}, SpreadForm, ""),
        ({"median": 1, "lower": 1.0}, SpreadForm, "the whole has no 'upper'"),
        ({"median": "inf", "lower": 1.0, "upper": 2.0}, SpreadForm, "median is 'inf'"),
        (None, SpreadForm | None, ""),
        (3, SpreadForm | None, "the whole is a JSON int"),
        ([{"median": 1}], list[SpreadForm], "the whole[] has no 'lower'"),
        ({"copy": None}, dict[str, SpreadForm], "the whole[] is a JSON NoneType"),
        ("perhaps", VerdictWord, "the whole is 'perhaps'"),
        ("inf", Number, ""),
        ("in", Number, "the whole is 'in'"),
        ([[1.0], "x"], tuple[list[float], list[float]], "the whole[] is a JSON str"),
        ({"median": math.nan, "lower": 1.0, "upper": 2.0}, SpreadForm, "median is nan"),
        ({"median": True, "lower": 1.0, "upper": 2.0}, SpreadForm, "median is True"),
        (True, bool | None, ""),
    ],
)
def test_where_a_form_is_not_as_it_should_be(value, kind, where):
    """Keys, kinds and words, down to the leaf."""
    assert unlike(value, kind) == where


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("{", "expected what jaxport bench --json writes \\(no JSON: "),
        ("[]", "expected what jaxport bench --json of this version writes, but the whole is a JSON list"),
        (
            '{"schema": 1}',
            "expected what jaxport bench --json of this version writes, but the whole has no 'environment'",
        ),
        (None, r"expected what jaxport bench --json writes \(No such file or directory\)"),
    ],
)
def test_anything_else_is_one_line(tmp_path, text, why):
    """No JSON, no dictionary, another command's, nothing there."""
    if text is not None:
        (tmp_path / "bench.json").write_text(text)
    with pytest.raises(UsageError, match=why):
        written(tmp_path / "bench.json", "bench --json")


@pytest.mark.parametrize(
    ("make", "why"),
    [
        (Path.mkdir, r"\(Is a directory\)"),
        (os.mkfifo, r"\(no regular file\)"),  # which nobody writes to: to open it would wait for ever
        (lambda path: path.symlink_to("/dev/zero"), r"\(no regular file\)"),
        (lambda path: path.symlink_to(path), r"\(Too many levels of symbolic links\)"),
        (lambda path: os.truncate(os.open(path, os.O_CREAT | os.O_WRONLY), 1 << 40), r"\(more than 256 MiB\)"),
        (lambda path: path.write_bytes(b"\xff{}"), r"\(no JSON: 'utf-8' codec can't decode"),
        (lambda path: path.write_text("[" * 100_000), r"\(no JSON: its brackets lie too deep"),
        (
            lambda path: shutil.copy(RESULTS / "train.json", path),
            "has no 'steps_in_a_scan': jaxport train --json wrote",
        ),
    ],
    ids=["folder", "pipe", "device", "loop", "large", "bytes", "deep", "another command's"],
)
def test_nothing_is_waited_for(tmp_path, make, why):
    """What is no file of ours is told at once, whatever lies there."""
    make(tmp_path / "bench.json")
    with pytest.raises(UsageError, match=why):
        written(tmp_path / "bench.json", "bench --json")
