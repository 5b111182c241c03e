"""What a file says that it holds is held against its size before any of it is unpacked."""

import zipfile

import numpy as np
import pytest

from compare.checkpoints import declared
from compare.checkpoints.checkpoint import UnsoundError
from compare.checkpoints.declared import FREE, SHRUNK, check_archive, check_unpacked, size_on_disk
from tests.compare.checkpoints.samples import complaint

REFUSED = "refused unread"


@pytest.mark.parametrize(
    ("unpacked", "stored", "refused"),
    [
        (FREE, 1, False),
        (FREE + 1, 1, True),
        (SHRUNK * FREE, FREE, False),
        (SHRUNK * FREE + 1, FREE, True),
        (0, 0, False),
    ],
)
def test_small_or_moderately_shrunk_is_unpacked(unpacked, stored, refused):
    if refused:
        with pytest.raises(UnsoundError, match=REFUSED):
            check_unpacked(unpacked, stored)
    else:
        check_unpacked(unpacked, stored)


def test_an_empty_file_is_not_divided_by():
    with pytest.raises(UnsoundError, match=REFUSED):
        check_unpacked(FREE + 1, 0)


def test_parts_that_lie_over_each_other_count_each(tmp_path):
    """Many names in the list of parts for one and the same place."""
    path = tmp_path / "w.zip"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("a", bytes(1000))
        part = archive.infolist()[0]
        part.file_size = FREE
        archive.filelist.append(part)
        with pytest.raises(UnsoundError, match=str(2 * FREE)):
            check_archive(archive, size_on_disk(path))
        part.file_size = 1000


def claiming(path, size):
    """The .npz archive whose only part says, in the list of parts, that it unpacks to ``size`` bytes."""
    data = bytearray(path.read_bytes())
    at = data.index(b"PK\1\2") + 24
    data[at : at + 4] = size.to_bytes(4, "little")
    path.write_bytes(data)


def test_an_archive_is_refused_by_its_list_of_parts(tmp_path, monkeypatch):
    """A harmless file that claims 3 GiB: not one byte of the part is unpacked."""
    path = tmp_path / "w.npz"
    np.savez_compressed(path, w=np.zeros(100))
    claiming(path, 3 << 30)
    monkeypatch.setattr(zipfile.ZipFile, "open", lambda *args, **kwargs: pytest.fail("unpacked"))
    assert REFUSED in complaint(path)


def test_zeros_that_shrink_to_nothing_are_read_while_they_are_small(tmp_path, monkeypatch):
    """A thousand times their size, and still a checkpoint; beyond the free size they are not."""
    path = tmp_path / "w.npz"
    np.savez_compressed(path, w=np.zeros(500_000))
    assert path.stat().st_size * SHRUNK < 4_000_000
    assert REFUSED in _with_free(monkeypatch, path, 1 << 20)
    monkeypatch.setattr(declared, "FREE", FREE)
    from compare.checkpoints.files import read

    assert read(path).arrays["w"].size == 500_000


def _with_free(monkeypatch, path, size):
    monkeypatch.setattr(declared, "FREE", size)
    return complaint(path)


def test_a_folder_is_as_large_as_its_files(tmp_path):
    (tmp_path / "a").mkdir()
    (tmp_path / "a" / "b").write_bytes(bytes(10))
    (tmp_path / "c").write_bytes(bytes(5))
    assert size_on_disk(tmp_path) == 15
    assert size_on_disk(tmp_path / "c") == 5
