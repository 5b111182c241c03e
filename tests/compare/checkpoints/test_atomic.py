"""Whole or not at all, for a file and for a folder."""

import errno
import os
from collections.abc import Callable
from pathlib import Path

import pytest

from compare.checkpoints.atomic import whole_file, whole_folder, writable_folder, write
from compare.errors import UsageError

OLD = b"what was there before"


class StopError(Exception):
    """Anything that goes wrong in the middle."""


def test_a_file_is_there_only_at_the_end(tmp_path):
    """Until the block ends the old one stands; afterwards the new one, with the old one's rights."""
    path = tmp_path / "w"
    path.write_bytes(b"old")
    path.chmod(0o640)
    with path.open("rb") as reader:
        with whole_file(path) as file:
            file.write(b"new")
            file.flush()
            assert path.read_bytes() == b"old"
        assert reader.read() == b"old"  # moved into its place, not written over it
    assert path.read_bytes() == b"new"
    assert path.stat().st_mode & 0o777 == 0o640
    assert os.listdir(tmp_path) == ["w"]


@pytest.mark.parametrize("error", [StopError, KeyboardInterrupt])
def test_a_file_that_fails_midway(tmp_path, error):
    """The old one is untouched and nothing lies beside it."""
    path = tmp_path / "w"
    path.write_bytes(b"old")

    def half() -> None:
        with whole_file(path) as file:
            file.write(b"half")
            raise error

    with pytest.raises(error):
        half()
    assert path.read_bytes() == b"old"
    assert os.listdir(tmp_path) == ["w"]


def test_a_new_file_has_usual_rights(tmp_path):
    """Those of the user's mask, not a private one's."""
    (tmp_path / "usual").write_bytes(b"")
    with whole_file(tmp_path / "w") as file:
        file.write(b"x")
    assert (tmp_path / "w").stat().st_mode == (tmp_path / "usual").stat().st_mode


@pytest.mark.parametrize("error", [StopError, KeyboardInterrupt])
def test_a_folder_that_fails_midway(tmp_path, error):
    """While it is made, or in the moment of the move: the old one is in its place."""
    path = tmp_path / "w"
    path.mkdir()
    (path / "old").write_bytes(b"old")

    def half() -> None:
        with whole_folder(path) as folder:
            folder.mkdir()
            raise error

    with pytest.raises(error):
        half()
    with pytest.raises(FileNotFoundError), whole_folder(path):
        pass  # nothing was made, so that the second move fails after the first
    assert os.listdir(path) == ["old"]
    assert os.listdir(tmp_path) == ["w"]


def test_a_folder_is_replaced_as_a_whole(tmp_path):
    """Nothing of the old one stays in it."""
    path = tmp_path / "w"
    path.mkdir()
    (path / "old").write_bytes(b"old")
    with whole_folder(path) as folder:
        folder.mkdir()
        (folder / "new").write_bytes(b"new")
        assert os.listdir(path) == ["old"]
    assert os.listdir(path) == ["new"]
    assert os.listdir(tmp_path) == ["w"]


def test_the_old_folder_outlives_a_move_back_that_fails(tmp_path, monkeypatch):
    """If it cannot be put back it is kept where it is, never deleted."""
    path = tmp_path / "w"
    path.mkdir()
    (path / "old").write_bytes(b"old")
    before = Path.rename

    def rename(self: Path, target: Path) -> Path:
        if target == path:
            raise PermissionError(13, "no")
        return before(self, target)

    monkeypatch.setattr(Path, "rename", rename)
    with pytest.raises(PermissionError), whole_folder(path) as folder:
        folder.mkdir()
    assert [file.read_bytes() for file in tmp_path.rglob("old/old")] == [b"old"]


def test_a_write_protected_file_stays(tmp_path, monkeypatch):
    """A move would not ask."""
    path = tmp_path / "w"
    path.write_bytes(b"old")
    monkeypatch.setattr(os, "access", lambda *_: False)  # root may write to anything
    with pytest.raises(PermissionError), whole_file(path):
        pass
    assert path.read_bytes() == b"old"


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


def test_a_new_file_is_put_in_nobodys_place(tmp_path, monkeypatch):
    """Nor in that of one that appears while it is made; and a file system without links has it too."""
    path = tmp_path / "w"

    def make(beside: Path) -> None:
        beside.write_bytes(b"new")

    def make_late(beside: Path) -> None:
        make(beside)
        path.write_bytes(b"another's")

    with pytest.raises(UsageError, match="is there already, and is not overwritten"):
        write(path, make_late, new=True)
    assert path.read_bytes() == b"another's"
    with pytest.raises(UsageError, match="is there already"):
        write(path, make, new=True)
    path.unlink()
    write(path, make, new=True)
    assert (path.read_bytes(), os.listdir(tmp_path)) == (b"new", ["w"])
    path.unlink()

    def no_links(*given):
        raise OSError(errno.EPERM, "no links here")

    monkeypatch.setattr(os, "link", no_links)
    write(path, make, new=True)
    assert (path.read_bytes(), os.listdir(tmp_path)) == (b"new", ["w"])
