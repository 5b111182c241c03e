""".npz archives: NumPy's own are read, ours are read by NumPy, and nothing in them can run."""

import io
import json
import warnings
import zipfile

import hypothesis.extra.numpy as hnp
import ml_dtypes
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from compare.checkpoints.checkpoint import DTYPES, Checkpoint
from compare.checkpoints.files import read, write
from tests.compare.checkpoints.samples import Evil, assert_same, complaint, write_complaint

NAMES = st.text(st.characters(exclude_characters="\0", exclude_categories=("Cs",)), min_size=1, max_size=8)


@pytest.fixture(scope="module")
def path(tmp_path_factory):
    return tmp_path_factory.mktemp("npz") / "weights.npz"


def members(path, **parts: bytes) -> None:
    with zipfile.ZipFile(path, "w") as archive:
        for name, data in parts.items():
            archive.writestr(name + ".npy", data)


def npy(array: np.ndarray, version: tuple[int, int] | None = None) -> bytes:
    file = io.BytesIO()
    np.lib.format.write_array(file, array, version)
    return file.getvalue()


@given(st.dictionaries(NAMES, st.sampled_from(sorted(DTYPES))), st.data())
def test_any_names_and_kinds_there_and_back(path, kinds, data):
    """Any text as a name (".npy", "../x" and slashes included), any dtype, any bits."""
    arrays = {}
    for name, kind in kinds.items():
        shape = data.draw(hnp.array_shapes(min_dims=0, max_side=3))
        size = int(np.prod(shape)) * DTYPES[kind].itemsize
        bits = np.frombuffer(data.draw(st.binary(min_size=size, max_size=size)), np.uint8)
        arrays[name] = (bits & 1 if kind == "bool" else bits).view(DTYPES[kind]).reshape(shape)
    write(path, Checkpoint("reference", "npz", arrays))
    assert_same(read(path).arrays, arrays)


@pytest.mark.parametrize("save", [np.savez, np.savez_compressed])
def test_numpys_own_archives(path, save):
    """Packed or not, in file order; Fortran order and foreign byte order are only layout."""
    arrays = {"z": np.arange(6.0).reshape(2, 3).T, "a": np.arange(3, dtype=">i4"), "s": np.array(3)}
    save(path, **arrays)
    assert_same(read(path).arrays, arrays)
    assert read(path).side == "reference"
    save(path, **{"params/w": np.ones(2)})
    assert read(path).side == "port"


def test_numpy_opens_ours(path):
    """With the bits of bfloat16 as integers beside a note."""
    write(path, Checkpoint("port", "npz", {"params/w": np.ones(2, ml_dtypes.bfloat16), "params/b": np.ones(1)}))
    with np.load(path, allow_pickle=False) as found:
        assert found.files == ["__jaxport__", "params/w", "params/b"]
        assert found["params/w"].tolist() == [0x3F80] * 2
        assert json.loads(found["__jaxport__"].tobytes())["dtypes"] == {"params/w": "bfloat16"}


def test_the_same_arrays_are_the_same_bytes(path):
    """No time of day in the file."""
    write(path, Checkpoint("reference", "npz", {"w": np.ones(2)}))
    with zipfile.ZipFile(path) as archive:
        assert {info.date_time for info in archive.infolist()} == {(1980, 1, 1, 0, 0, 0)}


@pytest.mark.parametrize("name", ["a.npy", "a.npy.b", "../up", "/root", "file", "a\\b"])
def test_names_that_mean_something_to_an_archive(path, name):
    """To us they are names."""
    write(path, Checkpoint("reference", "npz", {name: np.ones(2), "w": np.zeros(1)}))
    assert_same(read(path).arrays, {name: np.ones(2), "w": np.zeros(1)})


def test_object_arrays_are_refused_and_never_run(path):
    """NumPy would unpickle them if it were let."""
    np.savez(path, w=np.array([Evil(path.parent / "ran")], object))
    assert "holds Python objects" in complaint(path)
    np.savez(path, w=np.zeros(2, [("a", "O")]))
    assert "holds Python objects" in complaint(path)
    assert not (path.parent / "ran").exists()


def test_bfloat16_that_numpy_has_forgotten(path):
    """np.savez writes it as two raw bytes; the line says so."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        np.savez(path, w=np.ones(2, ml_dtypes.bfloat16))
    assert "forgets bfloat16" in complaint(path)


def test_equal_names(path):
    """Two members of one name: a reader would take the last without a word."""
    with zipfile.ZipFile(path, "w") as archive, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        archive.writestr("w.npy", npy(np.ones(1)))
        archive.writestr("w.npy", npy(np.ones(2)))
    assert "two arrays have the name 'w'" in complaint(path)


@pytest.mark.parametrize(
    "note",
    [
        b"no json",
        b"[]",
        b"{}",
        b'{"side": "torch", "dtypes": {}, "metadata": {}}',
        b'{"side": "port", "dtypes": {"w": "bfloat16"}, "metadata": {}}',
        b'{"side": "port", "dtypes": {"x": "bfloat16"}, "metadata": {}}',
        b'{"side": "port", "dtypes": {"w": "float64"}, "metadata": {}}',
        b'{"side": "port", "dtypes": {"w": ["bfloat16"]}, "metadata": {}}',
        b'{"side": "port", "dtypes": {}, "metadata": {"k": 1}}',
        b'{"side": "reference", "side": "port", "dtypes": {}, "metadata": {}}',
        b"[" * 100_000,
    ],
)
def test_notes_that_do_not_fit(path, note):
    """A note is believed only where the arrays bear it out."""
    members(path, __jaxport__=npy(np.frombuffer(note, np.uint8)), w=npy(np.ones(2)))
    assert "__jaxport__" in (message := complaint(path)) or "its note says" in message


def test_a_note_of_another_width(path):
    """Four bytes are no two bfloat16, though they would make such an array."""
    note = b'{"side": "port", "dtypes": {"w": "bfloat16"}, "metadata": {}}'
    members(path, __jaxport__=npy(np.frombuffer(note, np.uint8)), w=npy(np.ones(4, np.uint8)))
    assert "its note says" in complaint(path)


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\x93NUMPY",
        npy(np.ones(3))[:-1],
        npy(np.ones(3)) + b"x",
        npy(np.ones(3)).replace(b"(3,)", b"(4,)"),
        npy(np.ones(3)).replace(b"(3,)", b"-3, "),
        npy(np.ones((3, 1))).replace(b"(3, 1), }", b"(-3,-1),}"),
        npy(np.ones((3, 1))).replace(b"(3, 1)", b"(3, 1["),
        npy(np.ones(3)).replace(b"<f8", b"zzz"),
        npy(np.ones(1)).replace(b"(1,), }  ", b"(True,), }"),
        npy(np.zeros((0, 1))).replace(b"(0, 1), }               ", b"(0, 4611686018427387904)}"),
        npy(np.ones(3), (2, 0)).replace(b"NUMPY\2", b"NUMPY\7"),
        npy(np.array([True])).replace(b"\n\1", b"\n\2"),
        npy(np.ones(3)).replace(b"{'descr'", b"__import"),
    ],
    ids=range(14),
)
def test_members_that_disagree_with_their_header(path, data):
    """In bytes, shape, dtype or grammar."""
    members(path, w=data)
    complaint(path)


@pytest.mark.parametrize("kind", ["|V0", "|S0"])
def test_entries_of_no_bytes_are_not_counted_through(path, kind):
    """Three entries of a kind that takes no room: their number is bounded by nothing, so the kind is refused."""
    header = npy(np.zeros((3, 1), "|V8")).replace(b"'|V8'", f"'{kind}'".encode())
    members(path, w=header[:-24])
    assert "which no weight has" in complaint(path)


@pytest.mark.parametrize("packing", [zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
def test_packings_that_numpy_does_not_write(path, packing):
    """Refused by the list of parts; their own readers raise errors of their own on damage."""
    with zipfile.ZipFile(path, "w", packing) as archive:
        archive.writestr("w.npy", npy(np.ones(3)))
    assert f"packed by method {packing}" in complaint(path)


def test_a_flipped_bit_is_seen(path):
    """The archive's checksum covers every array."""
    write(path, Checkpoint("reference", "npz", {"w": np.arange(100.0)}))
    data = bytearray(path.read_bytes())
    data[data.index(np.arange(100.0).tobytes()) + 77] ^= 4
    path.write_bytes(data)
    assert "CRC" in complaint(path)


def test_the_notes_name_is_taken(path):
    """And a name longer than a zip archive allows is refused."""
    for name in ("__jaxport__", "x" * 2**16):
        write_complaint(path.with_name("new.npz"), Checkpoint("reference", "npz", {name: np.ones(1)}))
