"""What is read is not written over: by another path, in a folder, or as one of several shards."""

import json

import numpy as np
import pytest

from compare.checkpoints.checkpoint import Checkpoint
from compare.checkpoints.files import write
from compare.cli.not_overwritten import check_not_read
from compare.errors import UsageError


def test_a_shard_of_what_is_read_is_refused(tmp_path):
    """By its folder and by its index; another file beside it is not, nor what is not there."""
    shard, index = tmp_path / "a.safetensors", tmp_path / "m.index.json"
    write(shard, Checkpoint("reference", "safetensors", {"w": np.ones(2, np.float32)}))
    index.write_text(json.dumps({"weight_map": {"w": shard.name}}))
    for read in (tmp_path, index, shard, tmp_path / "." / shard.name):
        with pytest.raises(UsageError, match="would be overwritten"):
            check_not_read(shard, [read])
        check_not_read(tmp_path / "b.safetensors", [read])
    index.write_text("no index")
    check_not_read(shard, [index, tmp_path / "nothing"])
