"""What lies at a path, told from its first bytes and its list of parts; no framework is loaded, nothing is unpacked."""

import os
import stat
import struct
import zipfile
from pathlib import Path
from typing import BinaryIO

NOTHING = "nothing"
FOLDER = "a folder"
EMPTY_FOLDER = "an empty folder"
EMPTY = "an empty file"
UNKNOWN = "a file of another kind"
SPECIAL = "a device, pipe or socket"
ZIP = "a damaged or truncated zip archive"
PICKLE = "a bare Python pickle"
SCRIPT = "a TorchScript archive"
KINDS = {
    "safetensors": "a safetensors file",
    "npz": "a NumPy .npz archive",
    "torch": "a file saved by torch.save",
    "msgpack": "a msgpack file",
    "orbax": "an Orbax checkpoint folder",
}
# torch.save before version 1.6, or with _use_new_zipfile_serialization=False: a pickled magic number comes first.
LEGACY_TORCH = bytes.fromhex("80028a0a6cfc9c46f9206aa850192e")
ORBAX_MARKS = ("_METADATA", "_CHECKPOINT_METADATA", "manifest.ocdbt")


def kind_of(path: Path) -> str:
    """One of the phrases above, for a message or a comparison; OSError where ``path`` cannot be looked at."""
    try:
        mode = os.stat(path).st_mode
    except FileNotFoundError:
        return NOTHING
    if stat.S_ISDIR(mode):
        return _folder(path)
    if not stat.S_ISREG(mode):
        return SPECIAL
    with path.open("rb") as file:
        return _file(file, os.fstat(file.fileno()).st_size)


def _folder(path: Path) -> str:
    if not any(path.iterdir()):
        return EMPTY_FOLDER
    # A CheckpointManager's folder holds steps, and a step holds items: two levels down at most.
    marks = (mark for mark in ORBAX_MARKS for level in ("", "*/", "*/*/") if any(path.glob(level + mark)))
    return KINDS["orbax"] if any(marks) else FOLDER


def _file(file: BinaryIO, size: int) -> str:
    head = file.read(16)
    if not head:
        return EMPTY
    if head[:4] in (b"PK\3\4", b"PK\5\6"):
        return _zip(file)
    if head.startswith(LEGACY_TORCH):
        return KINDS["torch"]
    if head[0] == 0x80 and len(head) > 1 and head[1] in range(2, 6):
        return PICKLE
    if head[8:9] == b"{" and struct.unpack("<Q", head[:8])[0] <= 100_000_000:
        return KINDS["safetensors"]
    # A map of at most 15 entries, or with its length in 16 or 32 bits; its first key is text (or it is empty).
    start = {0xDE: 3, 0xDF: 5}.get(head[0], 1 if 0x80 <= head[0] <= 0x8F else 0)
    key = head[start : start + 1]
    if start and (0xA0 <= key[0] <= 0xBF or key[0] in (0xD9, 0xDA, 0xDB) if key else size == start):
        return KINDS["msgpack"]
    return UNKNOWN


def _zip(file: BinaryIO) -> str:
    try:
        with zipfile.ZipFile(file) as archive:
            names = archive.namelist()
    except (zipfile.BadZipFile, ValueError, NotImplementedError, EOFError, struct.error):
        return ZIP
    if any(name.split("/")[-1] == "constants.pkl" for name in names):
        return SCRIPT
    if any(name.split("/")[-1] == "data.pkl" for name in names):
        return KINDS["torch"]
    return KINDS["npz"] if all(name.endswith(".npy") for name in names) else "a zip archive"
