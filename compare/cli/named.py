"""What a name on the command line stands for: one of the project's pairs, or those that a file defines."""

import shlex
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from compare.cli.suggest import instead_of_file, instead_of_pair
from compare.errors import SHORT, UsageError, did_you_mean
from compare.lessons.handout import lesson_of
from compare.pair import pair_file, pairs
from compare.pair.number_of_rows import with_rows
from compare.pair.pair import Pair


def check_pair(name: str) -> None:
    """Refuse what is neither a file nor a pair's name, before anything slow is imported.

    Raises:
        UsageError: it is neither, or the file is no Python.
    """
    if name in pairs.REGISTRY:
        return
    path, known = Path(name), ", ".join(pairs.REGISTRY)
    try:
        if name and path.is_dir():
            raise UsageError(f"{name}: is a folder: expected a Python file that defines a pair, or one of {known}")
        if not is_file(name):
            names = f"expected one of {known}, or a file that defines a pair"
            raise UsageError(f"unknown pair {name!r}{did_you_mean(instead_of_pair(name), names)}")
        if not path.exists():
            raise UsageError(f"{name}: there is no such file{did_you_mean(instead_of_file(name))}")
        if not path.is_file():
            raise UsageError(
                f"{name}: is no regular file: expected a Python file that defines a pair, or one of {known}"
            )
    except OSError as error:  # a name that no file can have
        raise UsageError(f"{name[:SHORT]}: cannot be read ({error.strerror})") from error
    if path.suffix == ".py":
        pair_file.check_syntax(path)


def check_once(names: Sequence[str]) -> None:
    """Refuse a pair or a file that is named twice.

    Raises:
        UsageError: one is, by the same path or another.
    """
    seen = set[str]()
    for name in names:
        own = str(Path(name).resolve()) if is_file(name) else name
        if own in seen:
            raise UsageError(f"{name}: named twice: expected each pair once")
        seen.add(own)


def is_file(name: str) -> bool:
    """Whether ``name`` means a file, which need not exist."""
    return name.endswith(".py") or "/" in name


def check_data(name: str, data: Path | None) -> None:
    """Refuse images for a file, whose pairs draw their own batches.

    Raises:
        UsageError: they are given for one.
    """
    if data is not None and is_file(name):
        raise UsageError(
            f"--data: holds the images of the project's own pairs: {name} draws its own batches: leave it out"
        )


def pairs_of(name: str, data: Path | None = None, rows: int | None = None) -> list[Pair]:
    """Every pair that ``name`` stands for; ``data``: the images of the project's own pairs, ``rows``: of a batch, other
    than the pair's own.

    Raises:
        UsageError: it stands for none; the file of a lesson, which a student writes, is told apart; or images are given
            for a file, whose pairs draw their own batches.
    """
    if not is_file(name):
        return [pairs.find(name, data, rows)]
    check_data(name, data)
    if handed_out := lesson_of(Path(name)):
        lesson, side = handed_out
        raise UsageError(
            f"{name}: is the handout of a lesson ({lesson}, its {side}), and no pair: "
            f"expected jaxport verify {shlex.quote(name)}, which marks it"
        )
    found = pair_file.load(Path(name))
    return found if rows is None else [with_rows(pair, rows) for pair in found]


def pair_of(name: str, data: Path | None = None, rows: int | None = None) -> Pair:
    """The one pair that ``name`` stands for.

    Raises:
        UsageError: its file defines several.
    """
    found = pairs_of(name, data, rows)
    if len(found) > 1:
        raise UsageError(f"{name}: defines {len(found)} pairs, and this command takes one")
    return found[0]


def accepting(pair: Pair, names: Sequence[str]) -> Pair:
    """The pair that accepts what ``--accept`` names beside its own."""
    return replace(pair, accept=(*pair.accept, *names)) if names else pair
