"""Shards read as one checkpoint, and every way in which an index and its files can disagree in one line."""

import json
import re

import numpy as np
import pytest
import torch

from compare.checkpoints.checkpoint import Checkpoint
from compare.checkpoints.files import metadata, read, write
from compare.checkpoints.sharded import files_of
from compare.errors import UsageError
from tests.compare.checkpoints.samples import assert_same, complaint

ARRAYS = {
    "b.weight": np.arange(6, dtype=np.float32).reshape(2, 3),
    "a.bias": np.arange(3, dtype=np.float32),
    "c.weight": np.ones((2, 2), np.float32),
}
PLACES = {"b.weight": "m-00001-of-00002", "a.bias": "m-00002-of-00002", "c.weight": "m-00001-of-00002"}


def sharded(folder, suffix=".safetensors", **changed):
    """Two shards and their index; ``changed``: keys of the index."""
    for shard in dict.fromkeys(PLACES.values()):
        arrays = {name: array for name, array in ARRAYS.items() if PLACES[name] == shard}
        write(folder / f"{shard}{suffix}", Checkpoint("reference", "safetensors", arrays, {}))
    index = folder / f"m{suffix}.index.json"
    listed = {name: f"{shard}{suffix}" for name, shard in PLACES.items()}
    index.write_text(json.dumps({"metadata": {"total_size": 52}, "weight_map": listed} | changed))
    return index


@pytest.mark.parametrize("suffix", [".safetensors", ".bin"])
def test_shards_are_one_checkpoint(tmp_path, suffix):
    """In the index's order, by the index or by the folder; of either library's shards."""
    index = sharded(tmp_path, suffix)
    for path in (index, tmp_path):
        found = read(path)
        assert found.side == "reference"
        assert_same(found.arrays, ARRAYS)


def test_the_arrays_lie_in_their_files(tmp_path):
    """What is not looked at takes no memory: nobody else may write it, and it is no copy."""
    sharded(tmp_path)
    assert not any(array.flags.writeable or array.flags.owndata for array in read(tmp_path).arrays.values())


def test_a_folder_with_one_file(tmp_path):
    """As people download what needs no shards; its metadata are asked for in the same way."""
    write(tmp_path / "model.safetensors", Checkpoint("reference", "safetensors", ARRAYS, {"by": "hand"}))
    (tmp_path / "config.json").write_text("{}")
    assert_same(read(tmp_path).arrays, ARRAYS)
    assert metadata(tmp_path) == {"by": "hand"}


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"weight_map": {}}, "expected a weight_map"),
        ({"weight_map": {"a": 1}}, "expected a weight_map"),
        ({"weight_map": ["a"]}, "expected a weight_map"),
        ({"weight_map": {"a": "../m-00001-of-00002.safetensors"}}, "expected the name of a file beside it"),
        ({"weight_map": {"a": "..\\m.safetensors"}}, "expected the name of a file beside it"),
        ({"weight_map": {"a": "m-00003-of-00003.safetensors"}}, "m-00003-of-00003.safetensors of its 1 shards"),
        ({"weight_map": {"a": "m-00001-of-00002.safetensors"}}, "m-00001-of-00002.safetensors has no a"),
        ({"weight_map": {"a.bias": "m-00002-of-00002.safetensors", "b.weight": "m-00001-of-00002.safetensors"}},
         "has c.weight, which the index does not have there"),
    ],
)  # fmt: skip
def test_an_index_that_does_not_fit(tmp_path, changed, said):
    """What was expected, and what came."""
    assert said in complaint(sharded(tmp_path, **changed))


def test_what_is_no_index(tmp_path):
    """No JSON, twice a name, or a list."""
    index = tmp_path / "m.index.json"
    for text in ("nothing", '{"weight_map": {"a": "x", "a": "y"}}', "[]"):
        index.write_text(text)
        assert "is no index of shards" in complaint(index)


def test_two_indexes_are_not_chosen_from(tmp_path):
    """A hub's folder often has the same model twice."""
    sharded(tmp_path)
    sharded(tmp_path, ".bin")
    assert "m.bin.index.json and m.safetensors.index.json: name the one that is meant" in complaint(tmp_path)


def test_a_shard_says_itself_what_is_wrong(tmp_path):
    """A file that Git LFS has not fetched, and one of the other side."""
    index = sharded(tmp_path)
    second = tmp_path / "m-00002-of-00002.safetensors"
    write(second, Checkpoint("port", "safetensors", {"a.bias": ARRAYS["a.bias"]}, {}))
    assert "is the port's, the shards before it are the reference's" in complaint(index)
    second.write_text("version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 1\n")
    with pytest.raises(UsageError, match=rf"^{re.escape(str(second))}: not .* Git LFS .* \(git lfs pull\)$"):
        read(index)


def test_a_packed_archive_is_unpacked(tmp_path):
    """A torch file may stay where it lies only if its parts are stored as they are."""
    torch.save({"a": torch.ones(3)}, tmp_path / "a.bin")
    (tmp_path / "a.bin.index.json").write_text(json.dumps({"weight_map": {"a": "a.bin"}}))
    assert read(tmp_path).arrays["a"].tolist() == [1, 1, 1]


def test_every_file_that_is_read_is_known(tmp_path):
    """So that a conversion writes over none of them."""
    index = sharded(tmp_path)
    shards = [tmp_path / f"m-0000{at}-of-00002.safetensors" for at in (1, 2)]
    assert files_of(tmp_path) == files_of(index) == [index, *shards]
    assert files_of(shards[0]) == [shards[0]]
