"""What a file says that it holds, against what it is: a small file that unpacks to gigabytes is refused unread."""

import zipfile
from pathlib import Path

from compare.checkpoints.checkpoint import UnsoundError

FREE = 1 << 30  # bytes to which any file may unpack
SHRUNK = 64  # times its own size, to which a file may unpack beyond that: trained weights keep two thirds of theirs


def check_unpacked(declared: int, stored: int) -> None:
    """Refuse to unpack ``declared`` bytes from a file, or a folder's files, of ``stored`` bytes.

    Raises:
        UnsoundError: no checkpoint of that size shrinks so far.
    """
    if declared > max(FREE, SHRUNK * stored):
        raise UnsoundError(
            f"says that it unpacks to {declared} bytes, {declared // max(stored, 1)} times its own size: refused unread"
        )


def check_archive(archive: zipfile.ZipFile, stored: int) -> None:
    """The same of a zip archive, by its list of parts; those that lie over each other are counted each."""
    check_unpacked(sum(part.file_size for part in archive.infolist()), stored)


def size_on_disk(path: Path) -> int:
    """The bytes of a file, or of all files in a folder."""
    files = path.rglob("*") if path.is_dir() else [path]
    return sum(file.stat().st_size for file in files if file.is_file())
