"""Flax's msgpack files: read and written as Flax does, chunks included, and stricter where Flax is not."""

import msgpack
import numpy as np
import pytest
from flax import serialization

from compare.checkpoints.checkpoint import Checkpoint
from compare.checkpoints.files import read, write
from compare.checkpoints.tree import LEFT_OUT
from tests.compare.checkpoints.samples import assert_same, complaint, hard, write_complaint


@pytest.fixture
def path(tmp_path):
    return tmp_path / "variables.msgpack"


def ext(shape: object, name: object, body: object, code: int = 1) -> msgpack.ExtType:
    """An array as Flax packs it, or almost."""
    return msgpack.ExtType(code, msgpack.packb([shape, name, body]))


def test_flax_reads_what_is_written(path):
    """The nested variables, each array with its bits (but for float8, whose names Flax does not know)."""
    arrays = hard("port")
    write(path, Checkpoint("port", "msgpack", {name: a for name, a in arrays.items() if "float8" not in name}))
    found = serialization.msgpack_restore(path.read_bytes())
    assert found["params"]["net"]["0"]["transposed"].tobytes() == arrays["params/net/0/transposed"].tobytes()
    assert found["params"]["net"]["0"]["bfloat16"].dtype == arrays["params/net/0/bfloat16"].dtype
    assert found["params"]["net"]["0"]["count"].shape == ()


def test_what_flax_writes(path):
    """jax arrays, NumPy and Python scalars, lists and empty branches, by ``to_bytes``; what is no number is named."""
    import jax.numpy as jnp

    tree = {
        "params": {"Dense_0": {"kernel": jnp.ones((2, 3), jnp.bfloat16), "bias": np.float32(2.5)}},
        "batch_stats": {"mean": np.arange(6.0).reshape(2, 3).T},
        "layers": [np.ones(1), np.zeros(2)],
        "step": 7,
        "z": 1 + 2j,
        "np_z": np.complex64(2j),
        "name": "net",
        "empty": {},
    }
    path.write_bytes(serialization.to_bytes(tree))
    found = read(path)
    assert found.side == "port"
    assert found.metadata == {LEFT_OUT: "name"}
    shapes = {name: (array.dtype.name, array.shape) for name, array in found.arrays.items()}
    assert shapes == {
        "params/Dense_0/kernel": ("bfloat16", (2, 3)),
        "params/Dense_0/bias": ("float32", ()),
        "batch_stats/mean": ("float64", (3, 2)),
        "layers/0": ("float64", (1,)),
        "layers/1": ("float64", (2,)),
        "step": ("int64", ()),
        "z": ("complex128", ()),
        "np_z": ("complex64", ()),
    }
    np.testing.assert_array_equal(found.arrays["batch_stats/mean"], tree["batch_stats"]["mean"])


def test_big_arrays_in_chunks(path, monkeypatch):
    """With Flax's limit lowered: written in pieces, read as one, by us and by Flax."""
    monkeypatch.setattr(serialization, "MAX_CHUNK_SIZE", 64)
    arrays = {"params/big": np.arange(60.0).reshape(4, 15).T, "params/small": np.ones(3), "top": np.arange(20)}
    write(path, Checkpoint("port", "msgpack", arrays))
    assert b"__msgpack_chunked_array__" in path.read_bytes()
    assert_same(read(path).arrays, arrays)
    np.testing.assert_array_equal(
        serialization.msgpack_restore(path.read_bytes())["params"]["big"], arrays["params/big"]
    )


CHUNK = "__msgpack_chunked_array__"
ONES = ext([2], "float32", np.ones(2, np.float32).tobytes())


@pytest.mark.parametrize(
    ("tree", "said"),
    [
        (3, "not a dictionary"),
        ({"a/b": ONES}, "slash"),
        ({"": ONES}, "empty"),
        ({b"a": ONES}, "neither text"),
        ({1.5: ONES}, "neither text"),
        ({"a": ext([3], "float32", bytes(8))}, "need another number"),
        ({"a": ext([-2], "float32", bytes(8))}, "no array can have"),
        ({"a": ext([True], "uint8", b"x")}, "no array can have"),
        ({"a": ext([0, 2**62], "float32", b"")}, "no array can have"),
        ({"a": ext([1] * 65, "float32", bytes(4))}, "no array can have"),
        ({"a": ext([2], "bool", b"\1\7")}, "neither true nor false"),
        ({"a": ext(2, "float32", bytes(8))}, "no shape"),
        ({"a": ext([1], "object", bytes(8))}, "dtype object"),
        ({"a": ext([1], "<f8", bytes(8))}, "dtype <f8"),
        ({"a": ext([1], 3, bytes(8))}, "dtype 3"),
        ({"a": ext([2], "uint8", 5)}, "not made of"),
        ({"a": msgpack.ExtType(1, msgpack.packb({"a": 1}))}, "not made of"),
        ({"a": msgpack.ExtType(1, b"")}, "no whole msgpack"),
        ({"a": msgpack.ExtType(2, msgpack.packb([1.0]))}, "complex"),
        ({"a": msgpack.ExtType(9, b"x")}, "extension 9"),
        ({"a": {CHUNK: True}}, "not made of exactly"),
        ({"a": {CHUNK: True, "shape": {"0": 2}, "chunks": {}}}, "not made of exactly"),
        ({"a": {CHUNK: True, "shape": {"1": 2}, "chunks": {"0": ONES}}}, "not made of exactly"),
        ({"a": {CHUNK: True, "shape": {"0": 2}, "chunks": {"0": ONES}, "w": ONES}}, "not made of exactly"),
        ({"a": {CHUNK: True, "shape": {"0": 3}, "chunks": {"0": ONES}}}, "do not fill"),
        ({"a": {CHUNK: True, "shape": {"0": 2}, "chunks": {"0": 1}}}, "no arrays of one dtype"),
        ({"a": {CHUNK: True, "shape": {"0": 3}, "chunks": {"0": ONES, "1": ext([1], "int32", bytes(4))}}}, "one dtype"),
    ],
    ids=str,
)
def test_files_that_flax_would_not_write(path, tree, said):
    """Refused in one line, by what is wrong."""
    path.write_bytes(msgpack.packb(tree))
    assert said in complaint(path)


def test_equal_keys(path):
    """Flax would take the last without a word; 0 and "0" would be one name."""
    path.write_bytes(b"\x82\xa1a\x01\xa1a\x02")
    assert serialization.msgpack_restore(path.read_bytes()) == {"a": 2}
    assert "have the key 'a'" in complaint(path)
    path.write_bytes(msgpack.packb({0: 1, "0": 2}))
    assert "have the key" in complaint(path)


def test_deep_nesting_and_trailing_bytes(path):
    """Neither ends in a traceback."""
    for depth in (1000, 5000):  # deeper than Python walks, deeper than msgpack does
        path.write_bytes(b"\x81\xa1a" * depth + b"\x01")
        assert "too deep" in complaint(path) or "no whole msgpack" in complaint(path)
    path.write_bytes(msgpack.packb({"a": 1}) + b"\x01")
    assert "no whole msgpack" in complaint(path)


def test_names_that_cannot_be_nested(path):
    """A leaf that is a branch too, and the name that Flax keeps for itself."""
    for names in (["a", "a/b"], ["a//b"], [f"a/{CHUNK}"], ["/".join("a" * 3000)]):
        write_complaint(path, Checkpoint("port", "msgpack", {name: np.ones(1) for name in names}))
    assert not path.exists()
