"""The checkpoint formats, one row each: help, errors, suffixes and sides are all read here.

A format is one row and one file, which holds how it is recognised, read and written (``Codec``). Nothing is loaded
until a format's file is asked for, so that ``--help`` is instant.
"""

from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Literal, Protocol, cast, runtime_checkable

if TYPE_CHECKING:
    from compare.checkpoints.checkpoint import Checkpoint


@dataclass(frozen=True)
class Seen:
    """What can be told of a file or folder without unpacking it.

    Attributes:
        path: of either; folder: which it is.
        head: the first 16 bytes of a file that has ``size`` bytes.
        parts: the names in a zip archive.
    """

    path: Path
    folder: bool = False
    head: bytes = b""
    size: int = 0
    parts: tuple[str, ...] = ()

    def holds(self, name: str) -> bool:
        """Whether one of the archive's parts is named ``name``, in whatever folder of it."""
        return any(part.split("/")[-1] == name for part in self.parts)


class Codec(Protocol):
    """What is asked of a format's file. What it refuses is an UnsoundError, the reason alone."""

    def recognised(self, seen: Seen) -> bool:
        """Whether this is the format's, from the first bytes or from the list of parts."""

    def read(self, path: Path) -> "Checkpoint":
        """The checkpoint at ``path``."""

    def write(self, path: Path, checkpoint: "Checkpoint") -> None:
        """Write it, whole or not at all."""


@runtime_checkable
class Foretelling(Protocol):
    """What the file of a format has, beside a codec, whose metadata stand apart from the arrays."""

    def metadata(self, path: Path) -> dict[str, str]:
        """The checkpoint's metadata, without any of its arrays."""


@dataclass(frozen=True)
class Format:
    """One format.

    Attributes:
        name: as ``--format`` takes it, and ``Checkpoint.format`` says it.
        words: what a file of it is called in a message.
        suffixes: of the names, in small letters; the first is what an example would have.
        file: of this folder, which reads and writes it.
        only: the side whose checkpoints it holds, where it is not both.
        folder: whether it is a folder, and no file; such a name may go without a suffix.
        one_by_one: whether its arrays are written one after another, so that they need not all be there at once.
    """

    name: str
    words: str
    suffixes: tuple[str, ...]
    file: str
    only: Literal["reference", "port"] | None = None
    folder: bool = False
    one_by_one: bool = False

    @property
    def codec(self) -> Codec:
        """The format's own file, loaded when first asked for."""
        return cast(Codec, import_module(f"compare.checkpoints.{self.file}"))


ROWS = (
    Format("safetensors", "a safetensors file", (".safetensors",), "safetensors", one_by_one=True),
    Format("npz", "a NumPy .npz archive", (".npz",), "npz"),
    Format("torch", "a file saved by torch.save", (".pt", ".pth", ".bin"), "state_dict", only="reference"),
    Format("msgpack", "a msgpack file", (".msgpack",), "flax_msgpack", only="port"),
    Format("orbax", "an Orbax checkpoint folder", (".orbax",), "orbax_folder", only="port", folder=True),
)
FORMATS = {row.name: row for row in ROWS}


def by_suffix(path: Path) -> Format | None:
    """The format that the suffix of ``path`` stands for; the folder's, where it has none; None where it is unknown."""
    suffix = path.suffix.lower()
    fitting = (row for row in ROWS if suffix in row.suffixes or (row.folder and not suffix))
    return next(fitting, None)


def suffixes() -> str:
    """Every suffix, for a message."""
    return ", ".join(suffix for row in ROWS for suffix in row.suffixes) + " or an Orbax folder"
