"""The options of a training run that is kept on the disk, and what they refuse before anything slow is imported."""

import argparse
from pathlib import Path

from compare.checkpoints.atomic import writable_folder
from compare.errors import UsageError

STEPS = 50  # of a pair's file, unless the user says otherwise
RESUMED = ("both", "reference", "port")  # whose state a run goes on from: each side's own, or one side's on both


def add_kept(parser: argparse.ArgumentParser) -> None:
    """Where a run is kept, and whether it goes on from there."""
    parser.add_argument("--checkpoint", type=Path, metavar="PATH", help="an .npz file, written anew after each epoch")
    parser.add_argument(
        "--resume",
        nargs="?",
        const=RESUMED[0],
        choices=RESUMED,
        help="go on from --checkpoint, bit for bit; or with both sides put where the one named stood",
    )


def check_kept(path: Path | None, resume: str | None) -> None:
    """Refuse what cannot be kept or resumed.

    Args:
        resume: one of ``RESUMED``, or None for a new run.

    Raises:
        UsageError: no file is named, it is no archive's name, its folder cannot be written to, or it is there where a
            new run is begun, or is not where one is resumed.
    """
    if path is None:
        if resume:
            raise UsageError("--resume: expected the file to go on from: give it as --checkpoint PATH")
        return
    if path.suffix.lower() != ".npz":
        raise UsageError(f"--checkpoint {path}: expected a name that ends in .npz")
    if not path.parent.is_dir():
        raise UsageError(f"--checkpoint {path}: expected a folder that is there, got {path.parent}")
    if resume and not path.exists():
        raise UsageError(f"--resume: {path} is not there: leave --resume out to begin a run that is kept there")
    if not resume and path.exists():
        raise UsageError(f"--checkpoint {path}: is there already: --resume goes on from it; else remove it first")
    if path.is_dir():
        raise UsageError(f"--resume: {path} is a folder: expected the file that --checkpoint wrote")
    writable_folder(path.parent)  # said before the first epoch, not after it
