"""What a name on the command line stands for: one of the project's pairs, or those that a file defines."""

from pathlib import Path

from compare.cli.suggest import did_you_mean, instead_of_file, instead_of_pair
from compare.errors import UsageError
from compare.pair import pair_file, pairs
from compare.pair.pair import Pair


def check_pair(name: str) -> None:
    """Refuse what is neither a file nor a pair's name, before anything slow is imported.

    Raises:
        UsageError: it is neither.
    """
    if is_file(name):
        if not Path(name).is_file():
            raise UsageError(f"{name}: there is no such file{did_you_mean(instead_of_file(name))}")
    elif name not in pairs.REGISTRY:
        known = f"expected one of {', '.join(pairs.REGISTRY)}, or a file that defines a pair"
        raise UsageError(f"unknown pair {name!r}{did_you_mean(instead_of_pair(name), known)}")


def is_file(name: str) -> bool:
    """Whether ``name`` means a file, which need not exist."""
    return name.endswith(".py") or "/" in name


def pairs_of(name: str, data: Path | None = None, rows: int = pairs.BATCH) -> list[Pair]:
    """Every pair that ``name`` stands for; ``data`` and ``rows`` are the images of the project's own pairs."""
    return pair_file.load(Path(name)) if is_file(name) else [pairs.find(name, data, rows)]


def pair_of(name: str, data: Path | None = None, rows: int = pairs.BATCH) -> Pair:
    """The one pair that ``name`` stands for.

    Raises:
        UsageError: its file defines several.
    """
    found = pairs_of(name, data, rows)
    if len(found) > 1:
        raise UsageError(f"{name}: defines {len(found)} pairs, and this command takes one")
    return found[0]
