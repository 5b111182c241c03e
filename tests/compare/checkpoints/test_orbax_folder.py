"""Orbax folders: Orbax's own are read in every layout, ours are restored by Orbax, incomplete ones are refused."""

import json
import logging
import shutil

import jax
import jax.numpy as jnp
import numpy as np
import orbax.checkpoint as ocp
import pytest

from compare.checkpoints.checkpoint import Checkpoint
from compare.checkpoints.files import read, write
from compare.checkpoints.tree import LEFT_OUT
from tests.compare.checkpoints.samples import assert_same, complaint, hard, write_complaint

TREE = {"params": {"k": np.arange(6.0, dtype=np.float32).reshape(2, 3).T, "b": np.ones(3, np.float16)}}
FLAT = {"params/b": TREE["params"]["b"], "params/k": TREE["params"]["k"]}


@pytest.fixture
def path(tmp_path):
    return tmp_path / "variables.orbax"


@pytest.fixture(autouse=True)
def _quiet(caplog):
    """Orbax logs at will while a test itself calls it."""
    caplog.set_level(logging.CRITICAL, "absl")


def save_zarr3(path):
    ocp.PyTreeCheckpointer(use_ocdbt=True, use_zarr3=True).save(path, TREE)


def save_alone(path):
    ocp.PyTreeCheckpointer(use_ocdbt=False).save(path, TREE)


def save_standard(path):
    with ocp.StandardCheckpointer() as checkpointer:
        checkpointer.save(path, jax.tree.map(jnp.asarray, TREE))


def save_step(path):
    with ocp.CheckpointManager(path) as manager:
        manager.save(7, args=ocp.args.StandardSave(TREE))
        manager.wait_until_finished()


def save_items(path):
    with ocp.CheckpointManager(path) as manager:
        manager.save(7, args=ocp.args.Composite(state=ocp.args.PyTreeSave(TREE), notes=ocp.args.JsonSave({"a": 1})))
        manager.wait_until_finished()


@pytest.mark.parametrize(
    ("save", "metadata"),
    [
        (save_standard, {}),
        (save_zarr3, {}),
        (save_alone, {}),
        (save_step, {"item": "7/default"}),
        (save_items, {"item": "7/state"}),
    ],
)
def test_every_layout_of_orbax(path, save, metadata):
    """One database, a folder for each array, a manager's step, one item of several."""
    save(path)
    found = read(path)
    assert_same(found.arrays, FLAT)
    assert (found.side, found.metadata) == ("port", metadata)


def test_orbax_restores_what_is_written(path):
    """By StandardCheckpointer, as nested variables; an array of size zero is only in our note."""
    write(path, Checkpoint("port", "orbax", hard("port")))
    with ocp.PyTreeCheckpointer() as checkpointer:
        tree = checkpointer.metadata(path).item_metadata.tree
        found = checkpointer.restore(path, restore_args=jax.tree.map(lambda _: ocp.RestoreArgs(np.ndarray), tree))
    flat = {"/".join(key.key for key in keys): leaf for keys, leaf in jax.tree.leaves_with_path(found)}
    wanted = {name: array for name, array in hard("port").items() if array.size}
    assert set(flat) == set(wanted)
    for name, array in wanted.items():
        assert flat[name].tobytes() == array.astype(array.dtype.newbyteorder("=")).tobytes(), name
    write(path, Checkpoint("port", "orbax", FLAT))
    with ocp.StandardCheckpointer() as checkpointer:
        restored = checkpointer.restore(path, TREE)
    np.testing.assert_array_equal(restored["params"]["k"], TREE["params"]["k"])


def test_scalars_text_and_empty_branches(path):
    """Python's numbers are arrays, text is left out by name, empty branches hold nothing."""
    tree = {"step": 7, "rate": 0.5, "name": "net", "list": [np.ones(2), np.float32(2)], "none": None, "empty": {}}
    with ocp.PyTreeCheckpointer() as checkpointer:
        checkpointer.save(path, tree)
    found = read(path)
    shapes = {name: array.shape for name, array in found.arrays.items()}
    assert shapes == {"list/0": (2,), "list/1": (), "rate": (), "step": ()}
    assert found.arrays["step"] == 7
    assert found.metadata == {LEFT_OUT: "name"}


@pytest.mark.parametrize("save", [save_standard, save_alone, save_zarr3])
def test_a_folder_that_lacks_anything(path, save):
    """Each file deleted, emptied and cut in turn: refused, or, where the file held no array, read as it was."""
    save(path)
    broken = path.with_name("broken.orbax")
    refused = 0
    for file in [file for file in path.rglob("*") if file.is_file()]:
        whole = file.read_bytes()
        for left in (None, b"", whole[: len(whole) // 2], whole[:-1]):
            shutil.rmtree(broken, ignore_errors=True)
            shutil.copytree(path, broken)
            there = broken / file.relative_to(path)
            there.unlink()
            if left is not None:
                there.write_bytes(left)
            try:
                assert_same(read(broken).arrays, FLAT)
            except AssertionError:
                raise
            except Exception:
                assert "incomplete" in complaint(broken)
                refused += 1
    assert refused >= 8  # the list of leaves and the arrays' own files


def test_an_unfinished_save(path):
    """Orbax writes beside the target first: such a folder is none."""
    save_standard(path)
    (path / "inner.orbax-checkpoint-tmp").mkdir()
    (path / "_METADATA").rename(path / "inner.orbax-checkpoint-tmp" / "_METADATA")
    assert "no finished item" in complaint(path)


def test_several_checkpoints(path):
    """Two steps: the line names them, and each can be read."""
    with ocp.CheckpointManager(path) as manager:
        for step in (1, 2):
            manager.save(step, args=ocp.args.StandardSave(TREE))
        manager.wait_until_finished()
    assert "(1/default, 2/default)" in complaint(path)
    assert_same(read(path / "2").arrays, FLAT)


def test_a_folder_of_more_than_one_checkpoint_is_not_replaced(path):
    """A manager's steps, a folder of experiments, notes beside the arrays: all would be deleted."""
    mine = Checkpoint("port", "orbax", FLAT)
    save_step(path)
    assert "(7)" in write_complaint(path, mine)
    assert_same(read(path).arrays, FLAT)
    save_standard(path.parent / "runs" / "first")
    assert "(first)" in write_complaint(path.parent / "runs", mine)
    write(path.parent / "runs" / "first", mine)
    (path.parent / "runs" / "first" / "notes.txt").write_text("mine")
    assert "(notes.txt)" in write_complaint(path.parent / "runs" / "first", mine)


@pytest.mark.parametrize(
    "listed",
    [
        "",
        "[]",
        "{}",
        '{"tree_metadata": {}, "tree_metadata": {}}',
        '{"tree_metadata": {}, "use_zarr3": "no"}',
        '{"tree_metadata": []}',
        '{"tree_metadata": {"a": 1}}',
        "{" * 9999,
    ],
)
def test_a_list_of_leaves_that_is_none(path, listed):
    """Not JSON, or not what Orbax writes."""
    save_standard(path)
    (path / "_METADATA").write_text(listed)
    assert "incomplete or damaged: its _METADATA" in complaint(path)


def test_a_leaf_that_is_listed_twice(path):
    """The second would take the first one's place without a word."""
    save_standard(path)
    listed = json.loads((path / "_METADATA").read_text())
    listed["tree_metadata"]["again"] = next(iter(listed["tree_metadata"].values()))
    (path / "_METADATA").write_text(json.dumps(listed))
    assert "more than once" in complaint(path)


def test_names_that_orbax_mixes_up(path):
    """It puts "a.b" where it puts b inside a, and one of the two arrays is lost; here neither is written nor read."""
    tree = {"a.b": np.zeros(2), "a": {"b": np.ones(2)}}
    assert "in one place" in write_complaint(path, Checkpoint("port", "orbax", {"a.b": np.zeros(2), "a/b": np.ones(2)}))
    assert not path.exists()
    with ocp.PyTreeCheckpointer() as checkpointer:
        checkpointer.save(path, tree)
        lost = checkpointer.restore(path)
    assert not np.array_equal(lost["a.b"], tree["a.b"]) or not np.array_equal(lost["a"]["b"], tree["a"]["b"])
    assert "in one place" in complaint(path)


def test_a_slash_in_a_key(path):
    """Would be taken for a branch."""
    with ocp.PyTreeCheckpointer() as checkpointer:
        checkpointer.save(path, {"mlp/~/linear": np.ones(2)})
    assert "slash" in complaint(path)


def test_no_words_on_any_stream(path, capfd, caplog):
    """Writing, reading and failing to read say nothing, nor log it."""
    caplog.set_level(logging.DEBUG, "absl")
    write(path, Checkpoint("port", "orbax", {}))
    write(path, Checkpoint("port", "orbax", hard("port")))
    read(path)
    (path / "manifest.ocdbt").write_bytes(b"x")
    complaint(path)
    assert capfd.readouterr() == ("", "")
    assert [record for record in caplog.records if record.name == "absl"] == []
