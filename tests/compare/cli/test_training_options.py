"""Where a training run is kept, and whether it goes on from there."""

import argparse
from pathlib import Path

import pytest

from compare.cli.training_options import add_kept, check_kept
from compare.errors import UsageError

pytestmark = pytest.mark.usefixtures("elsewhere")


def test_the_options():
    """``--resume`` alone is each side from its own state."""
    parser = argparse.ArgumentParser()
    add_kept(parser)
    assert parser.parse_args([]).resume is None
    assert parser.parse_args(["--resume"]).resume == "both"
    assert parser.parse_args(["--resume", "port"]).resume == "port"
    with pytest.raises(SystemExit):
        parser.parse_args(["--resume", "torch"])


@pytest.mark.parametrize(
    ("name", "resume", "why"),
    [
        (None, "both", "expected the file to go on from"),
        ("run.txt", None, "expected a name that ends in .npz"),
        ("nowhere/run.npz", None, "expected a folder that is there, got nowhere"),
        ("run.npz", "both", "run.npz is not there: leave --resume out"),
        ("there.npz", None, "is there already: --resume goes on from it"),
        ("folder.npz", "both", "folder.npz is a folder: expected the file that --checkpoint wrote"),
    ],
)
def test_what_cannot_be_kept_or_resumed(tmp_path, name, resume, why):
    """One line, and what was there stays."""
    (tmp_path / "there.npz").write_bytes(b"PK")
    (tmp_path / "folder.npz").mkdir()
    with pytest.raises(UsageError, match=why):
        check_kept(name and tmp_path.relative_to(tmp_path) / name, resume)
    assert (tmp_path / "there.npz").read_bytes() == b"PK"


def test_a_folder_that_takes_no_file_is_said_before_the_run(monkeypatch):
    """Not after the first epoch."""

    def refuse(dir):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr("tempfile.TemporaryFile", refuse)
    with pytest.raises(UsageError, match="cannot be written to as an output folder"):
        check_kept(Path("run.npz"), None)


def test_what_can_be():
    """Nothing at all, and a new file."""
    check_kept(None, None)
