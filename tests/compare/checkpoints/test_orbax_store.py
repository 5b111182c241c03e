"""Where the arrays of an Orbax folder lie, and what is refused before any of them is unpacked."""

import json

import numpy as np
import pytest

from compare.checkpoints import declared
from compare.checkpoints.checkpoint import Checkpoint, UnsoundError
from compare.checkpoints.files import write
from compare.checkpoints.orbax_store import restored, unlisted
from tests.compare.checkpoints.samples import complaint

ZARRAY = {
    "zarr_format": 2, "shape": [4], "chunks": [4], "dtype": "<f4", "compressor": None, "fill_value": None,
    "order": "C", "filters": None,
}  # fmt: skip


def alone(folder, **changes):
    """A leaf in a folder of its own, without any of its pieces, which older versions leave out where they are zero."""
    (folder / "params.w").mkdir(parents=True)
    (folder / "params.w" / ".zarray").write_text(json.dumps(ZARRAY | changes))
    keys = [{"key": "params"}, {"key": "w"}]
    entry = {"key_metadata": keys, "value_metadata": {"value_type": "jax.Array"}}
    (folder / "_METADATA").write_text(json.dumps({"tree_metadata": {"w": entry}, "use_ocdbt": False}))
    return folder


def test_pieces_that_were_left_out_are_zeros(tmp_path):
    alone(tmp_path / "w")
    arrays = restored(tmp_path / "w", ["params/w"], {"use_ocdbt": False})
    assert arrays["params/w"].tolist() == [0.0] * 4


@pytest.mark.parametrize("changes", [{"shape": [10**6], "chunks": [10**3]}, {"chunks": [10**6]}])
def test_an_array_is_refused_by_its_declared_size(tmp_path, changes, monkeypatch):
    """Four megabytes of pieces that are not there, or one such piece that four numbers would be cut from."""
    monkeypatch.setattr(declared, "FREE", 1 << 20)
    assert "refused unread" in complaint(alone(tmp_path / "w.orbax", **changes))


@pytest.mark.parametrize("name", [".", ".."])
def test_no_array_lies_outside_of_the_folder(tmp_path, name):
    with pytest.raises(UnsoundError, match="a folder's"):
        restored(tmp_path, [name], {"use_ocdbt": False})


def test_an_array_that_the_list_forgets_is_found(tmp_path):
    """A list that was cut would else pass for a smaller model's."""
    path = tmp_path / "w.orbax"
    write(path, Checkpoint("port", "orbax", {"params/a": np.ones(2), "params/b/c": np.ones(3)}))
    assert unlisted(path, ["params/a", "params/b/c"]) == []
    assert unlisted(path, ["params/a"]) == ["params.b.c"]
    listed = json.loads((path / "_METADATA").read_text())
    del listed["tree_metadata"]["('params', 'a')"], listed["custom_metadata"]
    (path / "_METADATA").write_text(json.dumps(listed))
    assert "params.a, which its _METADATA does not list" in complaint(path)
