"""Results as JSON: plain values, in a file that appears whole or not at all."""

import json
import os
import threading
from pathlib import Path

import pytest

from compare.checkpoints.json_file import strict_json, to_json, write_json
from compare.errors import UsageError


def _names(folder: Path) -> set[str]:
    return {path.name for path in folder.iterdir()}


def test_json_is_indented_utf8_with_a_newline(tmp_path: Path) -> None:
    """As a person reads it and a tool takes it."""
    path = tmp_path / "form.json"
    write_json(path, {"größe": [1, "nan"], "none": None})
    text = path.read_text(encoding="utf-8")
    assert text.endswith("}\n")
    assert text.count("\n") > 3
    assert json.loads(text) == {"größe": [1, "nan"], "none": None}


@pytest.mark.parametrize("value", [float("nan"), float("inf"), float("-inf")])
def test_json_refuses_what_is_not_plain(tmp_path: Path, value: float) -> None:
    """A bare NaN is no JSON: it is refused rather than written, and no file appears."""
    with pytest.raises(ValueError, match="not JSON compliant"):
        to_json({"x": value})
    with pytest.raises(ValueError, match="not JSON compliant"):
        write_json(tmp_path / "form.json", {"x": value})
    assert _names(tmp_path) == set()


def test_a_folder_is_no_place_for_json(tmp_path: Path) -> None:
    """One line, and nothing in the folder."""
    with pytest.raises(UsageError, match="cannot be written"):
        write_json(tmp_path, {"a": 1})
    assert _names(tmp_path) == set()


def test_equal_keys_and_deep_brackets_are_no_json() -> None:
    """The first of two would be lost; and a reader that gives up must say so as of any other damage."""
    assert strict_json(b'{"a": [1, {"b": null}]}') == {"a": [1, {"b": None}]}
    for text in ('{"a": 1, "a": 2}', '{"x": {"a": 1, "a": 1}}', "[" * 100_000, '{"a":' * 100_000, "{"):
        with pytest.raises(ValueError):  # noqa: PT011
            strict_json(text)


def test_a_link_stays_a_link(tmp_path: Path) -> None:
    """What it points to is written."""
    (tmp_path / "real.json").write_text("old")
    (tmp_path / "link.json").symlink_to("real.json")
    write_json(tmp_path / "link.json", {"a": 1})
    assert (tmp_path / "link.json").is_symlink()
    assert (tmp_path / "real.json").read_text() == to_json({"a": 1})


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no named pipes on this system")
def test_a_pipe_is_written_into_and_stays_a_pipe(tmp_path: Path) -> None:
    """Nor is a device ever replaced by a file."""
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    read: list[str] = []
    reader = threading.Thread(target=lambda: read.append(pipe.read_text()), daemon=True)  # one that waits for ever dies
    reader.start()
    write_json(pipe, {"a": 1})
    assert pipe.is_fifo()
    reader.join()
    assert read == [to_json({"a": 1})]


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("folder", "cannot be written \\(Is a directory"),
        ("no/x.json", "cannot be written \\(No such file"),
        ("x" * 300, "cannot be written \\(File name too long"),
        ("a\0b", "cannot be written \\(it names no file"),
    ],
)
def test_where_nothing_can_be_written_is_one_line(tmp_path: Path, name: str, words: str) -> None:
    (tmp_path / "folder").mkdir()
    with pytest.raises(UsageError, match=words):
        write_json(tmp_path / name, {"a": 1})
    assert _names(tmp_path) == {"folder"}


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="no device that is always full on this system")
def test_a_full_device_is_one_line() -> None:
    with pytest.raises(UsageError, match="/dev/full: cannot be written \\(No space left"):
        write_json(Path("/dev/full"), {"a": 1})


@pytest.mark.parametrize("text", ["[" * 200_000, "{", "", b"\xff"])
def test_what_is_no_json_is_a_value_error(text: str | bytes) -> None:
    """However deep it is."""
    with pytest.raises(ValueError, match=r"too deep|Expecting|codec"):
        strict_json(text)
