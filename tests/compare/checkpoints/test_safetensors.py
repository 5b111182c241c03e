"""safetensors: the format as its page describes it, and every way to break it refused."""

import json
import struct

import ml_dtypes
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from compare.checkpoints.checkpoint import Checkpoint
from compare.checkpoints.files import read, write
from tests.compare.checkpoints.samples import assert_same, complaint, hard, write_complaint

GOOD = {
    "b": {"dtype": "F32", "shape": [2], "data_offsets": [0, 8]},
    "a": {"dtype": "U8", "shape": [], "data_offsets": [8, 9]},
}


def file_of(header: object, body: bytes = bytes(9), length: int | None = None) -> bytes:
    """A file spelled out; ``header`` as text or as what JSON is made of."""
    text = header if isinstance(header, bytes) else json.dumps(header).encode()
    return struct.pack("<Q", len(text) if length is None else length) + text + body


def edited(**changes: object) -> dict[str, object]:
    return GOOD | {"b": GOOD["b"] | changes}


@pytest.fixture(scope="module")
def path(tmp_path_factory):
    return tmp_path_factory.mktemp("safetensors") / "model.safetensors"


def test_a_file_written_by_hand(path):
    """In the header's order, whatever the order of the bytes; without a note the names tell the side."""
    body = struct.pack("<ff", 1.5, -2) + b"\x07"
    path.write_bytes(file_of(GOOD | {"__metadata__": {"format": "pt", "by": "hand"}}, body))
    found = read(path)
    assert_same(found.arrays, {"b": np.array([1.5, -2], np.float32), "a": np.array(7, np.uint8)})
    assert (found.side, found.metadata) == ("reference", {"by": "hand"})
    path.write_bytes(file_of({"params/a": {"dtype": "BF16", "shape": [1], "data_offsets": [0, 2]}}, b"\x80\x3f"))
    assert_same(read(path).arrays, {"params/a": np.ones(1, ml_dtypes.bfloat16)})
    assert read(path).side == "port"


def test_the_file_is_what_other_readers_take(path):
    """Header padded to 8 bytes, each array aligned to its width, no hole, the note that transformers asks for."""
    write(path, Checkpoint("reference", "safetensors", hard("reference")))
    data = path.read_bytes()
    (length,) = struct.unpack("<Q", data[:8])
    header = json.loads(data[8 : 8 + length])
    assert length % 8 == 0
    assert header.pop("__metadata__")["format"] == "pt"
    assert list(header) == list(hard("reference"))
    spans = sorted(tuple(entry["data_offsets"]) for entry in header.values())
    assert [start for start, _ in spans] == [0, *(end for _, end in spans[:-1])]
    assert spans[-1][1] == len(data) - 8 - length
    for name, entry in header.items():
        start, end = entry["data_offsets"]
        array = hard("reference")[name]
        assert start % array.itemsize == 0
        assert data[8 + length + start : 8 + length + end] == array.astype(array.dtype.newbyteorder("=")).tobytes("C")


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (b"", "truncated"),
        (file_of(GOOD, length=100_000_001), "more than the format allows"),
        (file_of(GOOD, length=2**63), "more than the format allows"),
        (file_of(GOOD)[:40], "truncated inside its header"),
        (file_of(b"", b""), "no JSON object"),
        (file_of(b"[1]", b""), "no JSON object"),
        (file_of(b" {}", b""), "no JSON object"),
        (file_of(b"{} {}", b""), "no sound JSON"),
        (file_of(b'{"\xff": 1}', b""), "no sound JSON"),
        (file_of(b'{"a":' * 100_000, b""), "no sound JSON"),
        (file_of(b'{"a": 1, "a": 1}', b""), "two entries named 'a'"),
        (file_of(b'{"a": {"dtype": "U8", "dtype": "I8", "shape": [], "data_offsets": [0, 1]}}', b"x"), "two entries"),
        (file_of({"__metadata__": {"k": 1}}, b""), "__metadata__"),
        (file_of({"__metadata__": []}, b""), "__metadata__"),
        (file_of({"__metadata__": {"jaxport.side": "torch"}}, b""), "side"),
        (file_of({"\ud800": GOOD["a"] | {"data_offsets": [0, 1]}}, b"x"), "Unicode"),
        (file_of(edited(dtype="F31")), "unknown dtype 'F31'"),
        (file_of(edited(dtype="f32")), "unknown dtype"),
        (file_of(edited(dtype=["F32"])), "unknown dtype"),
        (file_of(edited(shape=[3])), "need another number"),
        (file_of(edited(shape=[1])), "need another number"),
        (file_of(edited(shape=[-2])), "no whole numbers"),
        (file_of(edited(shape=[2.0])), "no whole numbers"),
        (file_of(edited(shape=[True, 2])), "no whole numbers"),
        (file_of(edited(shape=2)), "no whole numbers"),
        (file_of(edited(shape=[2] + [1] * 70)), "no array can have"),
        (file_of(edited(shape=[2**40, 2**40])), "no array can have"),
        (file_of(edited(shape=[0, 2**62])), "no array can have"),
        (file_of({"a": {"dtype": "BOOL", "shape": [2], "data_offsets": [0, 2]}}, b"\1\2"), "neither true nor false"),
        (file_of(edited(data_offsets=[0, 8, 9])), "no whole numbers"),
        (file_of(edited(data_offsets=[8, 0])), "need another number"),
        (file_of(edited(data_offsets=[1, 9])), "hole"),
        (file_of(edited(data_offsets=[-1, 7])), "no whole numbers"),
        (file_of(GOOD | {"a": GOOD["a"] | {"data_offsets": [7, 8]}}, bytes(8)), "overlap"),
        (file_of(GOOD | {"a": GOOD["a"] | {"data_offsets": [9, 10]}}, bytes(10)), "hole"),
        (file_of(edited(extra=1)), "exactly"),
        (file_of(GOOD | {"c": 1}), "exactly"),
        (file_of({"b": {"dtype": "F32", "shape": [2]}}), "exactly"),
        (file_of(GOOD, bytes(8)), "truncated"),
        (file_of(GOOD, bytes(10)), "longer than its header says"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_every_broken_rule(path, data, said):
    """Refused in one line that says which."""
    path.write_bytes(data)
    assert said in complaint(path)


@given(st.binary(max_size=200), st.integers(0, 120))
def test_no_bytes_end_in_a_traceback(path, noise, place):
    """Noise written over a good file is refused or read, and never anything else."""
    data = bytearray(file_of(GOOD))
    data[place : place + len(noise)] = noise
    path.write_bytes(data)
    try:
        read(path)
    except Exception:
        complaint(path)


def test_what_the_format_lacks(path):
    """complex128 and the rarer float8 kinds have no name there; its own key is no array's."""
    for dtype in (np.complex128, ml_dtypes.float8_e3m4):
        assert "cannot hold" in write_complaint(path, Checkpoint("port", "npz", {"a/b": np.zeros(1, dtype)}))
    assert "__metadata__" in write_complaint(path, Checkpoint("reference", "npz", {"__metadata__": np.zeros(1)}))


def test_no_dtype_is_given_twice(path):
    """Each of the format's names comes back as itself."""
    from compare.checkpoints.safetensors import CODES

    arrays = {code: np.arange(3).astype(np.bool_ if kind == "bool" else kind) for code, kind in CODES.items()}
    assert len({array.dtype for array in arrays.values()}) == len(CODES)
    write(path.with_name("all.safetensors"), Checkpoint("reference", "safetensors", arrays))
    assert_same(read(path.with_name("all.safetensors")).arrays, arrays)
