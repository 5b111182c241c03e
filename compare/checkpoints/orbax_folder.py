"""An Orbax checkpoint folder of Flax variables: written by Orbax, read without it and without the model.

Read with tensorstore, the store below Orbax, from the list of leaves in ``_METADATA``: where a folder is damaged, Orbax
itself prints tracebacks of its threads beside the error that it raises. Source of the layout:
https://orbax.readthedocs.io/en/latest/guides/checkpoint/checkpoint_format.html

Orbax holds no array of size zero, sorts the names, and mixes up "a.b" with b inside a. The first two are made good by a
note in ``_METADATA`` (other readers see the arrays that have entries), the third is refused.
"""

import contextlib
import logging
from collections import Counter
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import cast

import numpy as np

from compare.checkpoints.atomic import whole_folder
from compare.checkpoints.checkpoint import DTYPES, Checkpoint, UnsoundError, check_shape, joined
from compare.checkpoints.formats import Seen
from compare.checkpoints.json_file import strict_json
from compare.checkpoints.orbax_store import Entry, Listing, Note, restored, unlisted
from compare.checkpoints.tree import LEFT_OUT, nest
from compare.errors import in_one_line, swallowed

MARK = "_METADATA"
MARKS = (MARK, "_CHECKPOINT_METADATA", "manifest.ocdbt")
NOTE = "jaxport"
ARRAYS = ("jax.Array", "np.ndarray", "scalar")
DATA = {"d", "manifest.ocdbt", "array_metadatas", "_sharding", "_strings.json"}
PARTS = {MARK, "_CHECKPOINT_METADATA", "commit_success.txt"} | DATA
FLAGS = ("use_zarr3", "use_ocdbt", "store_array_data_equal_to_fill_value")
BRANCHES = ("Dict", "List", "Tuple", "NamedTuple", "None")  # empty ones stand in the list as leaves


def recognised(seen: Seen) -> bool:
    """A CheckpointManager's folder holds steps, and a step holds items: two levels down at most."""
    return any(any(seen.path.glob(level + mark)) for mark in MARKS for level in ("", "*/", "*/*/"))


def read(path: Path) -> Checkpoint:
    """The leaves of the one checkpoint in ``path``: the folder itself, one item of it, or an item of its one step.

    Raises:
        UnsoundError: no checkpoint or several, one that was not finished or lacks files, or names that Orbax mixes up.
    """
    folder = _item(path)
    try:
        listed = cast(Listing, strict_json((folder / MARK).read_bytes()))
        leaves = [_leaf(entry) for entry in listed["tree_metadata"].values()]
        note = (listed.get("custom_metadata") or {}).get(NOTE)
        if not all(listed.get(flag) in (None, True, False) for flag in FLAGS):
            raise TypeError(f"one of {FLAGS} is neither true nor false")
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise UnsoundError(f"incomplete or damaged: its {MARK} cannot be read ({type(error).__name__})") from error
    names = [name for name, _ in leaves]
    if twice := [name for name, count in Counter(names).items() if count > 1]:
        raise UnsoundError(f"its {MARK} lists {joined(twice)} more than once")
    _check_dotted(names)
    arrays = restored(folder, [name for name, kind in leaves if kind in ARRAYS], listed)
    if listed.get("use_ocdbt", True) and (forgotten := unlisted(folder, names)):
        raise UnsoundError(f"damaged: it holds {joined(forgotten)}, which its {MARK} does not list")
    others = [name for name, kind in leaves if kind not in (*ARRAYS, *BRANCHES)]
    metadata = {LEFT_OUT: joined(others)} if others else {}
    if folder != path:
        metadata["item"] = str(folder.relative_to(path))
    return _with_note(arrays, metadata, note)


def write(path: Path, checkpoint: Checkpoint) -> None:
    """A checkpoint at ``path``, in the place of one that is there, that ``StandardCheckpointer`` restores.

    Raises:
        UnsoundError: names that cannot be nested or that Orbax mixes up, a folder with more than one checkpoint is
            there, or Orbax could not save.
    """
    if others := _foreign(path):
        raise UnsoundError(f"there is a folder with more than one checkpoint in it ({joined(others)}): remove it first")
    with whole_folder(path) as folder:
        _save(folder, checkpoint)


def _save(folder: Path, checkpoint: Checkpoint) -> None:
    import orbax.checkpoint as ocp  # type: ignore[import-untyped]

    _check_dotted(checkpoint.arrays)
    nest(checkpoint.arrays)
    held = {name: array for name, array in checkpoint.arrays.items() if array.size}
    empty = {name: (array.dtype.name, list(array.shape)) for name, array in checkpoint.arrays.items() if not array.size}
    note: Note = {"names": list(checkpoint.arrays), "empty": empty, "metadata": checkpoint.metadata}
    # Orbax takes no empty dictionary at the top.
    args = ocp.args.PyTreeSave(nest(held) or {"params": {}}, custom_metadata={NOTE: note})
    try:
        with _quiet(), ocp.Checkpointer(ocp.PyTreeCheckpointHandler()) as checkpointer:
            checkpointer.save(folder.absolute(), args=args)
    except (OSError, MemoryError):
        raise
    except Exception as error:
        swallowed(error)
        raise UnsoundError(f"Orbax cannot save it ({in_one_line(error, 160)})") from error


def _foreign(folder: Path) -> list[str]:
    """What in ``folder`` is no part of one checkpoint as ``write`` makes it: steps, items, anybody's files."""
    if not folder.is_dir():
        return []
    return sorted(
        part.name for part in folder.iterdir() if part.name not in PARTS and not part.match("ocdbt.process_*")
    )


def _item(path: Path) -> Path:
    for level in ("", "*/", "*/*/"):
        found = sorted(mark.parent for mark in path.glob(level + MARK) if ".orbax-checkpoint-tmp" not in str(mark))
        if len(found) == 1:
            return found[0]
        if found:
            names = joined(folder.relative_to(path) for folder in found)
            raise UnsoundError(f"holds several checkpoints ({names}): give one of these folders")
    raise UnsoundError(f"incomplete, or no Orbax checkpoint: it has no finished item with a {MARK} file")


def _leaf(entry: "Entry") -> tuple[str, str]:
    """A leaf's name and what it is, from its entry in the list."""
    keys = [key["key"] for key in entry["key_metadata"]]
    for key in keys:
        if not isinstance(key, str) or not key or "/" in key:
            raise UnsoundError(f"the key {key!r:.80} is no text, empty, or holds a slash, which parts names of leaves")
    return "/".join(keys), entry["value_metadata"]["value_type"]


def _check_dotted(names: Iterable[str]) -> None:
    seen: dict[str, str] = {}
    for name in names:
        other = seen.setdefault(name.replace("/", "."), name)
        if other != name:
            raise UnsoundError(f"Orbax keeps {other!r} and {name!r} in one place, so that one of them is lost")


def _with_note(arrays: dict[str, np.ndarray], metadata: dict[str, str], note: "Note | None") -> Checkpoint:
    """Order, empty arrays and metadata as the note says, which must fit what was restored."""
    if note is None:
        return Checkpoint("port", "orbax", arrays, metadata)
    full: list[str] = []
    try:
        empty = {}
        for name, (kind, shape) in note["empty"].items():
            check_shape(name, shape, DTYPES[kind])
            empty[name] = np.empty(shape if 0 in shape else 0, DTYPES[kind])
            full.extend([name] * (0 not in shape))
        names, noted = [str(name) for name in note["names"]], dict(note["metadata"])
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise UnsoundError(f"its note {NOTE!r} cannot be read ({type(error).__name__})") from error
    everything = arrays | empty
    if sorted(names) != sorted(everything) or full:
        raise UnsoundError(f"incomplete: the {len(everything)} arrays in it are not those that its note names")
    return Checkpoint("port", "orbax", {name: everything[name] for name in names}, noted | metadata)


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """Orbax logs through absl, tracebacks of its threads included; what matters of it is raised as well."""
    logger = logging.getLogger("absl")
    level = logger.level
    logger.setLevel(logging.CRITICAL + 1)
    try:
        yield
    finally:
        logger.setLevel(level)
