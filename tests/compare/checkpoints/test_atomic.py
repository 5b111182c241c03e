"""Whole or not at all, for a file and for a folder."""

import os
from pathlib import Path

import pytest

from compare.checkpoints.atomic import whole_file, whole_folder


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
