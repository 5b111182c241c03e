"""Every format there and back, bit for bit, and every damaged file as one line."""

import os
import pickle
import subprocess
import sys
import tempfile
from pathlib import Path

import ml_dtypes
import numpy as np
import pytest

from compare.checkpoints import npz
from compare.checkpoints.checkpoint import Checkpoint
from compare.checkpoints.files import format_of, metadata, read, write
from compare.checkpoints.formats import FORMATS, Foretelling
from compare.errors import UsageError
from tests.compare.checkpoints.samples import (
    CASES,
    SUFFIX,
    Evil,
    assert_evil_works,
    assert_same,
    complaint,
    hard,
    sample,
    without_rights,
    write_complaint,
)

ROOT = Path(__file__).parents[3]
ONE = {"w": np.ones(3, np.float32)}
every = pytest.mark.parametrize(("format", "side"), CASES, ids=["-".join(case) for case in CASES])
in_files = pytest.mark.parametrize(
    ("format", "side"), [case for case in CASES if case[0] != "orbax"], ids=lambda value: value
)


@every
def test_there_and_back_is_bit_identical(tmp_path, format, side):
    """Every hard array, with its side and format; nothing else is left beside it."""
    path = tmp_path / f"weights{SUFFIX[format]}"
    write(path, sample(format, side))
    found = read(path)
    assert (found.side, found.format) == (side, format)
    assert_same(found.arrays, hard(side))
    assert os.listdir(tmp_path) == [path.name]


@every
def test_a_second_writing_replaces_the_first(tmp_path, format, side):
    """A checkpoint of the same format is replaced as a whole."""
    path = tmp_path / f"weights{SUFFIX[format]}"
    name = "w" if side == "reference" else "params/w"
    write(path, sample(format, side))
    write(path, Checkpoint(side, format, {name: np.ones(2)}))
    assert_same(read(path).arrays, {name: np.ones(2)})
    assert os.listdir(tmp_path) == [path.name]


@every
def test_no_arrays_at_all(tmp_path, format, side):
    """A model without weights has a checkpoint too."""
    path = tmp_path / f"weights{SUFFIX[format]}"
    write(path, Checkpoint(side, format, {}))
    found = read(path)
    assert found.arrays == {}
    assert found.side == side


@pytest.mark.parametrize("format", ["safetensors", "npz", "orbax"])
def test_metadata_travels_where_there_is_a_place(tmp_path, format):
    """Words come back as they were, and nothing is added to them."""
    path = tmp_path / f"weights{SUFFIX[format]}"
    said = {"made by": 'größe "1"\n', "step": "7"}
    write(path, Checkpoint("port", format, {"params/w": np.ones(1)}, said))
    assert read(path).metadata == said


@every
def test_metadata_alone_are_those_of_the_whole(tmp_path, format, side, monkeypatch):
    """Where they stand apart from the arrays, none of these is read."""
    path = tmp_path / f"weights{SUFFIX[format]}"
    write(path, Checkpoint(side, format, {"w" if side == "reference" else "params/w": np.ones(2)}, {"step": "7"}))
    whole = read(path).metadata
    codec = FORMATS[format].codec
    if isinstance(codec, Foretelling):
        monkeypatch.setattr(codec, "read", lambda path: pytest.fail("read as a whole"))
    assert metadata(path) == whole
    assert isinstance(codec, Foretelling) == (format in ("safetensors", "npz"))


@in_files
def test_metadata_of_what_is_none_is_one_line(tmp_path, format, side):
    """As ``read`` says it."""
    path = tmp_path / f"weights{SUFFIX[format]}"
    path.write_bytes(b"\x89PNG\r\n\x1a\n" + bytes(64))
    with pytest.raises(UsageError) as caught:
        metadata(path)
    assert str(caught.value) == complaint(path)


def test_metadata_of_an_npz_unpack_the_note_alone(tmp_path, monkeypatch):
    """A large archive can be told not to be what is wanted before it is unpacked."""
    path, unpacked = tmp_path / "w.npz", []
    write(path, Checkpoint("reference", "npz", {"w": np.ones(2)}, {"record": "{}"}))

    def noted(archive, name, part, own=npz._array):
        unpacked.append(name)
        return own(archive, name, part)

    monkeypatch.setattr(npz, "_array", noted)
    assert metadata(path) == {"record": "{}"}
    assert unpacked == ["__jaxport__"]
    np.savez(path, x=np.ones(2))
    assert metadata(path) == {}


@pytest.mark.parametrize("format", ["safetensors", "npz"])
@pytest.mark.parametrize("side", ["reference", "port"])
def test_the_note_of_the_side_outweighs_the_names(tmp_path, format, side):
    """A state_dict may have a slash in a name, and variables may be one leaf without any."""
    path = tmp_path / f"weights{SUFFIX[format]}"
    write(path, Checkpoint(side, format, {"a/b" if side == "reference" else "a": np.ones(1)}))
    assert read(path).side == side


@in_files
def test_a_file_cut_anywhere_is_refused(tmp_path, format, side):
    """At 60 places and more: no cut passes for a whole file, and none ends in a traceback."""
    path = tmp_path / f"weights{SUFFIX[format]}"
    write(path, sample(format, side))
    whole = path.read_bytes()
    cuts = {*range(0, 20), *range(20, len(whole), len(whole) // 60), *range(len(whole) - 20, len(whole))}
    for cut in sorted(cuts):
        path.write_bytes(whole[:cut])
        message = complaint(path)
        assert cut < 16 or any(word in message for word in ("truncated", "no whole", "damaged")), (cut, message)


@in_files
def test_another_formats_file_under_this_name(tmp_path, format, side):
    """Every other format's file, and a picture, under this suffix: the message says what it is instead."""
    path = tmp_path / f"weights{SUFFIX[format]}"
    for other, its_side in CASES:
        if other not in (format, "orbax"):
            write(tmp_path / f"other{SUFFIX[other]}", sample(other, its_side))
            path.write_bytes((tmp_path / f"other{SUFFIX[other]}").read_bytes())
            assert " but a" in complaint(path), other
    path.write_bytes(b"\x89PNG\r\n\x1a\n" + bytes(64))
    complaint(path)


@pytest.mark.parametrize("suffix", SUFFIX.values())
def test_what_is_no_file_at_all(tmp_path, suffix):
    """Not there, a device, a pipe (which must not hang), a folder of something else, no right to read."""
    path = tmp_path / f"weights{suffix}"
    assert "no such file" in complaint(path)
    assert "device" in complaint(Path("/dev/null"))
    os.mkfifo(path)
    assert "pipe" in complaint(path)
    path.unlink()
    path.mkdir()
    assert "empty folder" in complaint(path)
    (path / "notes.txt").write_text("mine")
    assert "a folder without a checkpoint" in complaint(path)


def test_a_name_cannot_steer_the_terminal(tmp_path):
    """Colour codes and line breaks of a path are shown as question marks."""
    with pytest.raises(UsageError) as caught:
        read(tmp_path / "a\x1b[31m\nb.npz")
    assert str(caught.value).endswith("a?[31m?b.npz: no such file or folder")


@pytest.mark.parametrize("name", ["w.h5", "w.safetensors.gz", "w.txt", "w"])
def test_unknown_suffixes(tmp_path, name):
    """The known ones are listed; a file without any is no Orbax folder."""
    path = tmp_path / name
    path.write_bytes(b"x")
    assert ".safetensors, .npz, .pt" in complaint(path)
    if path.suffix:
        assert ".safetensors, .npz, .pt" in write_complaint(path, Checkpoint("reference", "npz", ONE))


def test_suffixes_in_capitals_and_an_explicit_format(tmp_path):
    """``format=`` outweighs the suffix in writing."""
    assert format_of(Path("a/MODEL.PTH")).name == "torch"
    write(tmp_path / "w.dat", Checkpoint("reference", "torch", ONE), format="npz")
    (tmp_path / "w.dat").rename(tmp_path / "w.npz")
    assert_same(read(tmp_path / "w.npz").arrays, ONE)
    assert "unknown format" in write_complaint(tmp_path / "w.npz", Checkpoint("reference", "npz", ONE), "hdf5")


def test_a_format_takes_its_own_side_only(tmp_path):
    """Flax leaves make no state_dict, and the other way round."""
    assert "for the reference" in write_complaint(tmp_path / "w.pt", Checkpoint("port", "npz", {"a/b": np.ones(1)}))
    for name in ("w.msgpack", "w.orbax", "w"):
        assert "for the port" in write_complaint(tmp_path / name, Checkpoint("reference", "npz", ONE))
    assert os.listdir(tmp_path) == []


@every
def test_something_else_is_never_overwritten(tmp_path, format, side):
    """Another format's file, text, a folder with things in it: said, and left as it was."""
    path = tmp_path / f"weights{SUFFIX[format]}"
    mine = sample(format, side)
    path.write_text("my notes")
    assert "there is a file of another kind" in write_complaint(path, mine)
    assert path.read_text() == "my notes"
    path.unlink()
    other = "npz" if format != "npz" else "safetensors"
    write(path, Checkpoint("reference", other, ONE), other)
    before = path.read_bytes()
    assert "there is a" in write_complaint(path, mine)
    assert path.read_bytes() == before
    path.unlink()
    path.mkdir()
    (path / "notes.txt").write_text("mine")
    assert "there is a folder" in write_complaint(path, mine)
    assert (path / "notes.txt").read_text() == "mine"


@every
def test_a_writing_that_fails_midway_leaves_the_old_one(tmp_path, format, side, monkeypatch):
    """A full disk at the last moment: the old arrays are still there, and nothing lies beside them."""
    path = tmp_path / f"weights{SUFFIX[format]}"
    name = "w" if side == "reference" else "params/w"
    write(path, Checkpoint(side, format, {name: np.arange(4.0)}))
    before = Path.rename

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    def rename(self: Path, target: Path) -> Path:
        return full() if self.name == "new" else before(self, target)  # type: ignore[func-returns-value]

    monkeypatch.setattr(os, "fsync", full)
    monkeypatch.setattr(Path, "rename", rename)
    assert "cannot be written (No space left on device)" in write_complaint(path, sample(format, side))
    monkeypatch.undo()
    assert_same(read(path).arrays, {name: np.arange(4.0)})
    assert os.listdir(tmp_path) == [path.name]


@every
def test_what_a_format_cannot_hold_leaves_nothing_behind(tmp_path, format, side):
    """Objects, text, records and extended floats are refused by name."""
    path = tmp_path / f"weights{SUFFIX[format]}"
    for bad in (np.array([None]), np.array(["text"]), np.zeros(2, "f4,i4"), np.zeros(1, ml_dtypes.int4), b"x"):
        assert "'net/w'" in write_complaint(path, Checkpoint(side, format, {"net/w": bad}))
    for names in ({"": np.ones(1)}, {"a\0b": np.ones(1)}, {"\ud800": np.ones(1)}, {3: np.ones(1)}):
        write_complaint(path, Checkpoint(side, format, names))
    assert os.listdir(tmp_path) == []


def test_a_link_is_followed_and_stays_a_link(tmp_path):
    """What it points to is replaced."""
    (tmp_path / "link.npz").symlink_to(tmp_path / "w.npz")
    write(tmp_path / "link.npz", Checkpoint("reference", "npz", ONE))
    assert (tmp_path / "link.npz").is_symlink()
    assert_same(read(tmp_path / "w.npz").arrays, ONE)


@every
def test_no_right_to_read_or_to_write(format, side):
    """One line each: where the folder is closed, and where only the file with the arrays is."""
    with tempfile.TemporaryDirectory() as name:  # pytest's own folders are closed to all but root
        folder = Path(name)
        folder.chmod(0o755)
        path = folder / f"weights{SUFFIX[format]}"
        write(path, sample(format, side))
        with without_rights(folder):
            assert "cannot be read (Permission denied)" in complaint(path)
            assert "cannot be written (Permission denied)" in write_complaint(path, sample(format, side))
        with without_rights(path if path.is_file() else path / "manifest.ocdbt"):
            assert "cannot be read (Permission denied)" in complaint(path)


def test_the_folder_around_it_must_be_there(tmp_path):
    """And is not made."""
    for suffix, side in ((".npz", "reference"), (".orbax", "port")):
        message = write_complaint(tmp_path / "no" / f"w{suffix}", Checkpoint(side, "npz", ONE))
        assert "cannot be written (No such file or directory)" in message


@pytest.mark.parametrize("suffix", [*SUFFIX.values(), ".bin", ".pth"])
def test_a_malicious_pickle_never_runs(tmp_path, suffix):
    """Bare, under every suffix, it is refused, and the folder that it would make is not there."""
    assert_evil_works(tmp_path)
    path = tmp_path / f"weights{suffix}"
    for protocol in range(6):
        path.write_bytes(pickle.dumps({"w": Evil(tmp_path / "ran")}, protocol=protocol))
        message = complaint(path)
        if protocol >= 2:  # older ones have no mark of their own
            assert "bare Python pickle" in message
            assert "which may hold code: refused" in message or format_of(path).name != "torch"
        assert not (tmp_path / "ran").exists()


BLOCK = """
import sys
class Block:
    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] in BLOCKED:
            raise ImportError("blocked: " + name)
sys.meta_path.insert(0, Block())
import warnings
warnings.simplefilter("error")
from pathlib import Path
from compare.checkpoints.files import read, write
for path in sys.argv[1:]:
    found = read(Path(path))
    write(Path(path), found)
    print(found.format, len(found.arrays))
print(sorted({"torch", "jax", "flax", "orbax", "optax"} & set(sys.modules)))
"""


@pytest.mark.parametrize(
    ("blocked", "formats", "loaded"),
    [
        ({"torch", "jax", "jaxlib", "flax", "orbax", "msgpack", "safetensors"}, ["npz", "safetensors"], "[]"),
        ({"torch"}, ["npz", "safetensors", "msgpack", "orbax"], None),
        ({"jax", "jaxlib", "flax", "orbax", "msgpack"}, ["npz", "safetensors", "torch"], "['torch']"),
    ],
    ids=["neither", "no torch", "no jax"],
)
def test_a_machine_that_lacks_a_framework(tmp_path, blocked, formats, loaded):
    """What does not need it is read and written; nothing but the lines asked for is printed, nothing is warned of."""
    paths = []
    for format, side in CASES:
        if format in formats:
            paths.append(tmp_path / f"{side}{SUFFIX[format]}")
            write(paths[-1], sample(format, side))
    program = f"BLOCKED = {blocked!r}\n{BLOCK}"
    done = subprocess.run([sys.executable, "-c", program, *map(str, paths)], capture_output=True, text=True, cwd=ROOT)
    assert done.stderr == ""
    *lines, modules = done.stdout.splitlines()
    assert len(lines) == len(paths)
    assert modules == loaded or loaded is None
