"""IDX files: what was written is read back, and every damaged file ends in one line that names it."""

import gzip
import re
import struct
from pathlib import Path

import hypothesis.extra.numpy as hnp
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from compare.arrays.idx import read_idx
from compare.arrays.images import load_images
from compare.errors import UsageError

SIX = bytes.fromhex("00000803 00000002 00000001 00000003 010203040506")  # two images of 1 x 3 bytes
HUGE = 2**32 - 1

arrays = hnp.arrays(np.uint8, st.sampled_from((1, 3)).flatmap(lambda axes: st.tuples(*axes * [st.integers(0, 5)])))
packed = pytest.mark.parametrize("pack", [bytes, gzip.compress], ids=["raw", "gzipped"])


def idx(code: int, shape: tuple[int, ...], body: bytes = b"") -> bytes:
    """A file as the format's page describes it."""
    return struct.pack(f">HBB{len(shape)}I", 0, code, len(shape), *shape) + body


def complaint(path: Path, axes: int) -> str:
    """What ``read_idx`` says of a bad file: one line that begins with the file's name."""
    with pytest.raises(UsageError) as caught:
        read_idx(path, axes)
    message = str(caught.value)
    assert message.startswith(f"{path}: ")
    assert "\n" not in message
    return message


@pytest.fixture(scope="module")
def path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("idx") / "train-images-idx3-ubyte"


@packed
def test_a_file_written_by_hand(path, pack):
    """A file spelled out in hex is read as two images in C order."""
    path.write_bytes(pack(SIX))
    read = read_idx(path, 3)
    assert read.dtype == np.uint8
    assert read.tolist() == [[[1, 2, 3]], [[4, 5, 6]]]


@packed
@given(array=arrays)
def test_round_trip(path, pack, array):
    """Any array of bytes, an empty one included, is read back as it was written."""
    path.write_bytes(pack(idx(0x08, array.shape, array.tobytes())))
    np.testing.assert_array_equal(read_idx(path, array.ndim), array, strict=True)


@pytest.mark.parametrize(
    ("code", "entry", "dtype", "values"),
    [
        (0x08, "B", np.uint8, [0, 255]),
        (0x09, "b", np.int8, [-128, 127]),
        (0x0B, "h", np.int16, [-2, 0x0102]),
        (0x0C, "i", np.int32, [-2, 0x01020304]),
        (0x0D, "f", np.float32, [1.5, -(2.0**100)]),
        (0x0E, "d", np.float64, [1.5, -(2.0**1000)]),
    ],
)
def test_every_type_code(path, code, entry, dtype, values):
    """Each type code gives its dtype in the machine's own byte order, from big-endian entries."""
    path.write_bytes(idx(code, (2,), struct.pack(f">2{entry}", *values)))
    read = read_idx(path, 1)
    assert read.dtype == dtype
    assert read.dtype.isnative
    assert read.tolist() == values


WRONG = {
    "empty": (b"", 3, "expected an IDX file, .* got an empty file"),
    "three bytes": (SIX[:3], 3, "expected an IDX file, .* got 00 00 08"),
    "a zip file": (b"PK\3\4" + SIX, 3, "expected an IDX file, .* got 50 4b 03 04"),
    "no zeros first": (b"\0\1" + SIX[2:], 3, "expected an IDX file, .* got 00 01 08 03"),
    "no such type": (idx(0x0A, (1,), b"\0"), 1, "expected an IDX file, .* got 00 00 0a 01"),
    "no shape": (SIX[:4], 3, r"truncated inside its header \(4 of 16 bytes\)"),
    "half a shape": (SIX[:15], 3, r"truncated inside its header \(15 of 16 bytes\)"),
    "no payload": (SIX[:16], 3, r"truncated: expected 22 bytes for shape \(2, 1, 3\), got 16"),
    "one byte less": (SIX[:21], 3, r"truncated: expected 22 bytes for shape \(2, 1, 3\), got 21"),
    "one byte more": (SIX + b"\0", 3, r"longer than its header says: expected 22 bytes .* \(2, 1, 3\), got 23"),
    "one float less": (idx(0x0E, (2,), bytes(8)), 1, r"truncated: expected 24 bytes for shape \(2,\), got 16"),
    "2^96 entries": (idx(0x08, (HUGE, HUGE, HUGE)), 3, "truncated: expected 792281"),
    "huge and empty": (idx(0x08, (HUGE, HUGE, 0)), 3, ""),
    "labels for images": (idx(0x08, (2,), b"\1\2"), 3, "expected 3 axes for images, the header says 1"),
    "images for labels": (SIX, 1, "expected 1 axes for labels, the header says 3"),
}


@packed
@pytest.mark.parametrize("case", WRONG)
def test_a_wrong_file(path, pack, case):
    """A file that is no IDX file, or not the one asked for, or of another length than it says, is refused."""
    data, axes, expected = WRONG[case]
    path.write_bytes(pack(data))
    assert re.search(expected, complaint(path, axes))


@pytest.mark.parametrize(
    "damaged",
    [
        gzip.compress(SIX)[:2],
        gzip.compress(SIX)[:12],
        gzip.compress(SIX)[:-1],
        gzip.compress(SIX)[:-8] + b"\0" * 8,
        gzip.compress(SIX) + b"more",
        gzip.compress(SIX)[:10] + b"\xff" * 20,
    ],
    ids=["magic only", "no end", "one byte less", "wrong checksum", "more behind it", "no deflate stream"],
)
def test_a_damaged_gzip_file(path, damaged):
    """Damage to the compression is told apart from damage to the file inside."""
    path.write_bytes(damaged)
    assert "truncated or damaged gzip file" in complaint(path, 3)


@packed
@given(array=arrays, cut=st.floats(0, 1, exclude_max=True))
def test_no_truncated_file_is_read(path, pack, array, cut):
    """A file that stops anywhere before its end is refused."""
    whole = pack(idx(0x08, array.shape, array.tobytes()))
    path.write_bytes(whole[: int(cut * len(whole))])
    complaint(path, array.ndim)


@given(st.builds(bytes.__add__, st.sampled_from((b"", b"\0\0\x08\1", b"\0\0\x0d\3", b"\x1f\x8b\x08\0")), st.binary()))
def test_any_bytes(path, data):
    """Whatever the bytes are: an array with the axes asked for, or one clear line, and nothing else."""
    path.write_bytes(data)
    try:
        found = read_idx(path, 1).ndim
    except UsageError as error:
        found = str(error)
    assert found == 1 or str(found).startswith(f"{path}: ")


def test_no_file(tmp_path):
    """A file that is not there and a folder in its place are refused with the system's reason."""
    assert "cannot be read (No such file or directory)" in complaint(tmp_path / "nothing", 1)
    assert "cannot be read (Is a directory)" in complaint(tmp_path, 1)


FOUR = {
    "train-images-idx3": np.arange(24, dtype=np.uint8).reshape(2, 4, 3),
    "train-labels-idx1": np.array([9, 0], dtype=np.uint8),
    "t10k-images-idx3": np.arange(200, 212, dtype=np.uint8).reshape(1, 4, 3),
    "t10k-labels-idx1": np.array([4], dtype=np.uint8),
}


def four(folder: Path, rename=lambda name: name, pack=bytes) -> Path:
    """A folder with the images and labels of both parts."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, array in FOUR.items():
        (folder / rename(f"{name}-ubyte")).write_bytes(pack(idx(0x08, array.shape, array.tobytes())))
    return folder


@packed
@pytest.mark.parametrize("gz", ["", ".gz"])
@pytest.mark.parametrize("mark", ["-", "."])
@pytest.mark.parametrize("inside", ["", "raw", "MNIST/raw", "FashionMNIST/raw"])
def test_published_names(tmp_path, inside, mark, gz, pack):
    """The four files are found under every name and folder in which they are published; gzip is known by its bytes."""
    four(tmp_path / inside, lambda name: name.replace("-idx", f"{mark}idx") + gz, pack)
    loaded = load_images(tmp_path)
    for found, array in zip((loaded.train_images, loaded.test_images), list(FOUR.values())[::2], strict=True):
        np.testing.assert_array_equal(found[:, 0], array / np.float32(255), strict=True)
    assert (loaded.train_labels.tolist(), loaded.test_labels.tolist()) == ([9, 0], [4])
    assert loaded.name == str(tmp_path)


@pytest.mark.parametrize("name", FOUR)
def test_one_of_four(tmp_path, name):
    """Of four files the one that is truncated is named, and the one that is missing."""
    file = four(tmp_path) / f"{name}-ubyte"
    file.write_bytes(file.read_bytes()[:-1])
    with pytest.raises(UsageError, match=f"^{re.escape(str(file))}: truncated: expected"):
        load_images(tmp_path)
    file.unlink()
    with pytest.raises(UsageError, match=rf"^{re.escape(str(tmp_path))}: {file.name} \(raw or .gz\) is missing"):
        load_images(tmp_path)
