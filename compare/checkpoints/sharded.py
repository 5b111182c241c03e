"""A checkpoint in shards: several files, and an index beside them that says which array is in which.

The index is JSON, ``{"metadata": {...}, "weight_map": {"layer.0.weight": "model-00001-of-00002.safetensors", ...}}``.
Source: https://huggingface.co/docs/transformers/big_models ("Sharded checkpoints").
"""

from collections.abc import Callable, Mapping
from pathlib import Path, PurePosixPath

from compare.checkpoints.checkpoint import Checkpoint, UnsoundError, joined
from compare.checkpoints.json_file import read_json

ENDING = ".index.json"
ALONE = "model.safetensors"  # what lies in such a folder where one shard is enough


def checkpoint_in(path: Path) -> Path:
    """Of a folder that people download, the index in it, or the one file where there is none; else ``path`` itself.

    Raises:
        UnsoundError: there are several indexes.
    """
    if not path.is_dir():
        return path
    indexes = sorted(path.glob(f"*{ENDING}"))
    if len(indexes) > 1:
        names = " and ".join(index.name for index in indexes)
        raise UnsoundError(f"has several checkpoints, {names}: name the one that is meant")
    alone = path / ALONE
    return indexes[0] if indexes else alone if alone.is_file() else path


def is_index(path: Path) -> bool:
    """Whether the name says that it is an index of shards."""
    return path.name.lower().endswith(ENDING) and not path.is_dir()


def shards_of(index: Path) -> dict[str, str]:
    """The shard that holds each array, by the array's name, in the index's order.

    Raises:
        UnsoundError: it is no such index, or names a shard that does not lie beside it.
        OSError: it cannot be read.
    """
    try:
        form = read_json(index)
    except ValueError as error:
        raise UnsoundError(f"is no index of shards ({error})") from error
    listed = form.get("weight_map") if isinstance(form, Mapping) else None
    if not isinstance(listed, Mapping) or not listed or not all(isinstance(shard, str) for shard in listed.values()):
        raise UnsoundError("is no index of shards: expected a weight_map, the file's name by the array's")
    shards = dict.fromkeys(listed.values())
    for shard in shards:
        if PurePosixPath(shard).name != shard or "\\" in shard or shard in (".", ".."):
            raise UnsoundError(f"names the shard {shard!r:.80}: expected the name of a file beside it")
    if absent := [shard for shard in shards if not (index.parent / shard).is_file()]:
        raise UnsoundError(f"{joined(absent)} of its {len(shards)} shards are not beside it")
    return dict(listed)


def files_of(path: Path) -> list[Path]:
    """Every file that reading ``path`` reads, if it is there: the checkpoint's own, or its index and its shards.

    Raises:
        UnsoundError: as ``checkpoint_in`` and ``shards_of`` do.
    """
    found = checkpoint_in(path)
    return (
        [found, *(found.parent / shard for shard in dict.fromkeys(shards_of(found).values()))]
        if is_index(found)
        else [found]
    )


def read_shards(index: Path, read: Callable[[Path], Checkpoint]) -> Checkpoint:
    """All shards as one checkpoint, its arrays in the index's order.

    Args:
        read: a single file.

    Raises:
        UnsoundError: as ``shards_of`` does; or a shard lacks an array, has one more, or is the other side's.
        UsageError: of a shard that is not sound, by its own path.
    """
    listed = shards_of(index)
    shards = {shard: read(index.parent / shard) for shard in dict.fromkeys(listed.values())}
    first = next(iter(shards.values()))
    metadata: dict[str, str] = {}
    for shard, found in shards.items():
        names = {name for name, there in listed.items() if there == shard}
        if lost := names - set(found.arrays):
            raise UnsoundError(f"{shard} has no {joined(sorted(lost))}, which the index has there")
        if more := set(found.arrays) - names:
            raise UnsoundError(f"{shard} has {joined(sorted(more))}, which the index does not have there")
        if found.side != first.side:
            raise UnsoundError(f"{shard} is the {found.side}'s, the shards before it are the {first.side}'s")
        metadata |= found.metadata
    arrays = {name: shards[shard].arrays[name] for name, shard in listed.items()}
    return Checkpoint(first.side, first.format, arrays, metadata)
