"""What lies at a path, told from its first bytes and its list of parts; no framework is loaded, nothing is unpacked."""

import os
import stat
import struct
import zipfile
from pathlib import Path
from typing import BinaryIO

from compare.checkpoints.formats import ROWS, Seen

NOTHING = "nothing"
FOLDER = "a folder"
EMPTY_FOLDER = "an empty folder"
EMPTY = "an empty file"
UNKNOWN = "a file of another kind"
SPECIAL = "a device, pipe or socket"
ZIP = "a damaged or truncated zip archive"
OTHER_ZIP = "a zip archive"
PICKLE = "a bare Python pickle"
SCRIPT = "a TorchScript archive"
POINTER = "a pointer of Git LFS to a file that was not fetched (git lfs pull)"


def kind_of(path: Path) -> str:
    """One of the phrases above, or a format's words, for a message or a comparison.

    Raises:
        OSError: ``path`` cannot be looked at.
    """
    try:
        mode = os.stat(path).st_mode
    except FileNotFoundError:
        return NOTHING
    if stat.S_ISDIR(mode):
        return (_format(Seen(path, folder=True)) or FOLDER) if any(path.iterdir()) else EMPTY_FOLDER
    if not stat.S_ISREG(mode):
        return SPECIAL
    with path.open("rb") as file:
        return _file(path, file, os.fstat(file.fileno()).st_size)


def _file(path: Path, file: BinaryIO, size: int) -> str:
    head = file.read(16)
    if not head:
        return EMPTY
    if head[:4] not in (b"PK\3\4", b"PK\5\6"):
        if head == b"version https://":
            return POINTER
        pickled = head[0] == 0x80 and len(head) > 1 and head[1] in range(2, 6)
        return _format(Seen(path, head=head, size=size)) or (PICKLE if pickled else UNKNOWN)
    try:
        with zipfile.ZipFile(file) as archive:
            seen = Seen(path, head=head, size=size, parts=tuple(archive.namelist()))
    except (zipfile.BadZipFile, ValueError, NotImplementedError, EOFError, struct.error):
        return ZIP
    return SCRIPT if seen.holds("constants.pkl") else _format(seen) or OTHER_ZIP


def _format(seen: Seen) -> str | None:
    """The words of the format that recognises it."""
    return next((row.words for row in ROWS if row.folder == seen.folder and row.codec.recognised(seen)), None)
