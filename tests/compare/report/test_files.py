"""Files appear whole or not at all."""

import errno
import json
import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from compare.errors import UsageError
from compare.report.files import to_json, writable_folder, write, write_json

OLD = b"what was there before"


def _names(folder: Path) -> set[str]:
    return {path.name for path in folder.iterdir()}


def _half_then(error: BaseException) -> Callable[[Path], None]:
    def make(beside: Path) -> None:
        beside.write_text("half")
        raise error

    return make


@pytest.mark.parametrize("there", [False, True], ids=["new", "over an old one"])
@pytest.mark.parametrize("error", [ValueError("no"), KeyboardInterrupt()], ids=lambda error: type(error).__name__)
def test_a_failed_write_leaves_nothing_behind(tmp_path: Path, there: bool, error: BaseException) -> None:
    """Neither half a file nor a part beside it; the old one stays, and the error is the maker's own."""
    path = tmp_path / "result.json"
    if there:
        path.write_bytes(OLD)
    with pytest.raises(type(error)):
        write(path, _half_then(error))
    assert _names(tmp_path) == ({"result.json"} if there else set())
    assert not there or path.read_bytes() == OLD


def test_a_full_disk_is_said_in_one_line(tmp_path: Path) -> None:
    """The system's complaint becomes the user's, with the target's name, and the old file stays."""
    path = tmp_path / "result.json"
    path.write_bytes(OLD)
    with pytest.raises(UsageError, match=r"result\.json: cannot be written \(No space left on device\)"):
        write(path, _half_then(OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))))
    assert (_names(tmp_path), path.read_bytes()) == ({"result.json"}, OLD)


def test_the_target_is_replaced_in_one_move(tmp_path: Path) -> None:
    """Until the maker returns, readers see the old file; one that is open keeps it. The part has the same suffix."""
    path, seen = tmp_path / "picture.png", []
    path.write_bytes(OLD)

    def make(beside: Path) -> None:
        beside.write_bytes(b"new")
        seen.append((path.read_bytes(), beside.parent, beside.suffix))

    with path.open("rb") as reader:
        write(path, make)
        assert reader.read() == OLD
    assert seen == [(OLD, tmp_path, ".png")]
    assert (_names(tmp_path), path.read_bytes()) == ({"picture.png"}, b"new")


@pytest.mark.parametrize("name", ["missing/x.json", "file/x.json", "n" * 300, ".", "folder"])
def test_a_path_that_cannot_be_written_is_a_usage_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    """A folder that is missing or none, a name too long or none, a folder's own name: one line, and no traceback."""
    monkeypatch.chdir(tmp_path)
    Path("file").touch()
    Path("folder").mkdir()
    with pytest.raises(UsageError, match="cannot be written"):
        write(Path(name), Path.touch)
    assert _names(tmp_path) == {"file", "folder"}


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


def test_a_folder_is_made_with_its_parents(tmp_path: Path) -> None:
    """And nothing is left in it by the attempt; one that is there already will do."""
    for _ in range(2):
        assert writable_folder(tmp_path / "a" / "b") == tmp_path / "a" / "b"
    assert _names(tmp_path / "a" / "b") == set()


@pytest.mark.parametrize("below", ["", "folder", "folder/deeper"])
def test_a_folder_below_a_file_is_refused(tmp_path: Path, below: str) -> None:
    """The file itself included; the line names the path that was asked for."""
    file = tmp_path / "file"
    file.write_bytes(OLD)
    with pytest.raises(UsageError, match="cannot be written to as an output folder") as caught:
        writable_folder(file / below)
    assert str(caught.value).startswith(f"{file / below}: ")
    assert file.read_bytes() == OLD


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="root writes everywhere")
def test_a_folder_without_permission_is_refused(tmp_path: Path) -> None:
    """Before the long run, not after it."""
    tmp_path.chmod(0o500)
    with pytest.raises(UsageError, match="Permission denied"):
        writable_folder(tmp_path)


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
    with ThreadPoolExecutor(1) as pool:
        read = pool.submit(pipe.read_text)
        write_json(pipe, {"a": 1})
        assert read.result(timeout=10) == to_json({"a": 1})
    assert pipe.is_fifo()
