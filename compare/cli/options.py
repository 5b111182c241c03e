"""Options that several commands take, and what they refuse before anything slow is imported."""

import argparse
import os
from collections.abc import Callable
from pathlib import Path

from compare.errors import SHORT


def add_shared(parser: argparse.ArgumentParser) -> None:
    """What every command takes that runs a model: device, seed, JSON."""
    parser.add_argument(
        "--device", default="auto", choices=("auto", "cpu", "gpu"), help="auto: a GPU if both sides see one"
    )
    parser.add_argument("--seed", type=whole(0), default=0, help="of the one NumPy generator (default: 0)")
    parser.add_argument(
        "--json", type=json_path, metavar="PATH", help="write the result as JSON; - for standard output"
    )


def add_data(parser: argparse.ArgumentParser) -> None:
    """The images, and how many make a batch."""
    add_images(parser)
    parser.add_argument(
        "--batch", type=whole(1), metavar="N", help="rows in a batch (default: the pair's own; of the mlp 64)"
    )


def add_images(parser: argparse.ArgumentParser) -> None:
    """Where the images lie."""
    parser.add_argument(
        "--data",
        type=Path,
        metavar="PATH",
        help="IDX files (MNIST, Fashion-MNIST) or .npz (default: 5,000 MNIST images)",
    )


EPOCHS = 15


def add_epochs(parser: argparse.ArgumentParser) -> None:
    """How long both sides are trained."""
    parser.add_argument(
        "--epochs", type=whole(1), default=EPOCHS, metavar="N", help="passes over the images (default: 15)"
    )


def add_pair(parser: argparse.ArgumentParser) -> None:
    """The one pair of a command that takes one."""
    parser.add_argument(
        "pair", nargs="?", default="mlp", metavar="PAIR", help="a pair, or a file that defines one (default: mlp)"
    )


def json_path(text: str) -> str:
    """A path that takes a file, or ``-``: refused before the run, not after it."""
    path = Path(text)
    try:
        into = path if path.exists() and not path.is_file() else path.parent  # a device or a pipe is never replaced
        usable = path.parent.is_dir() and os.access(into, os.W_OK) and not path.is_dir()
    except OSError:  # a name that no file can have
        usable = False
    if text != "-" and not (text and usable):
        raise argparse.ArgumentTypeError(
            f"expected a file in a folder that can be written to, or -, got {text[:SHORT]!r}"
        )
    return text


def whole(least: int) -> Callable[[str], int]:
    """A parser of whole numbers from ``least`` on."""

    def number(text: str) -> int:
        if not text.isascii() or not text.isdigit() or len(text) > SHORT or int(text) < least:
            raise argparse.ArgumentTypeError(f"expected a whole number from {least}, got {text[:SHORT]!r}")
        return int(text)

    return number


def add_accept(parser: argparse.ArgumentParser) -> None:
    """What a pair accepts beside what it names itself."""
    parser.add_argument(
        "--accept",
        action="append",
        default=[],
        metavar="NAME",
        help="parameters that one side alone has (* for any text), as accept= of a pair; may be given again",
    )
