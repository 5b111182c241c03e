"""What lies at a path is told without loading a framework or running anything."""

import pickle
import zipfile

import numpy as np
import pytest
import torch

from compare.checkpoints import kinds
from compare.checkpoints.files import write
from compare.checkpoints.formats import FORMATS
from compare.checkpoints.kinds import kind_of
from tests.compare.checkpoints.samples import CASES, SUFFIX, sample


@pytest.mark.parametrize(("format", "side"), CASES, ids=["-".join(case) for case in CASES])
def test_each_format_is_known_under_any_name(tmp_path, format, side):
    """By its contents alone."""
    write(tmp_path / f"w{SUFFIX[format]}", sample(format, side))
    assert kind_of((tmp_path / f"w{SUFFIX[format]}").rename(tmp_path / "nameless")) == FORMATS[format].words


@pytest.mark.parametrize(
    ("data", "kind"),
    [
        (b"", kinds.EMPTY),
        (b"\x80", FORMATS["msgpack"].words),
        (b"\xde\x00\x00", FORMATS["msgpack"].words),
        (b"\x81\xa1a\x01", FORMATS["msgpack"].words),
        (pickle.dumps({"a": 1}), kinds.PICKLE),
        (b"\x89PNG\r\n\x1a\n", kinds.UNKNOWN),
        (b"\x89HDF\r\n\x1a\n", kinds.UNKNOWN),
        (b"PK\3\4 and no more", kinds.ZIP),
        (b"hello", kinds.UNKNOWN),
        (b"\xff" * 8 + b"{}", kinds.UNKNOWN),
    ],
    ids=str,
)
def test_other_contents(tmp_path, data, kind):
    """Files that begin alike are told apart."""
    (tmp_path / "w").write_bytes(data)
    assert kind_of(tmp_path / "w") == kind


def test_zips_of_other_things(tmp_path):
    """Old torch files, TorchScript, and archives of neither."""
    torch.save({"w": torch.ones(2)}, tmp_path / "w", _use_new_zipfile_serialization=False)
    assert kind_of(tmp_path / "w") == FORMATS["torch"].words
    zips = {kinds.SCRIPT: ["m/data.pkl", "m/constants.pkl"], kinds.OTHER_ZIP: ["w.npy", "readme.txt"]}
    for kind, names in zips.items():
        with zipfile.ZipFile(tmp_path / "z", "w") as archive:
            for name in names:
                archive.writestr(name, b"")
        assert kind_of(tmp_path / "z") == kind
    np.savez(tmp_path / "n.npz")
    assert kind_of(tmp_path / "n.npz") == FORMATS["npz"].words


def test_folders(tmp_path):
    """An empty one, one of something else, none; and one whose Orbax marks lie two levels down."""
    assert kind_of(tmp_path / "none") == kinds.NOTHING
    assert kind_of(tmp_path) == kinds.EMPTY_FOLDER
    (tmp_path / "notes").write_text("x")
    assert kind_of(tmp_path) == kinds.FOLDER
    (tmp_path / "7" / "default").mkdir(parents=True)
    (tmp_path / "7" / "default" / "_METADATA").write_text("{}")
    assert kind_of(tmp_path) == FORMATS["orbax"].words
