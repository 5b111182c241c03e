"""Which files a command line means: those that it names, and those that a glob or a folder brings."""

import glob
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from compare.cli.many.local_sources import names_pair, sources
from compare.cli.named import check_pair, is_file
from compare.errors import SHORT, UsageError
from compare.lessons.handout import lesson_of
from compare.pair.pairs import REGISTRY
from compare.verdict.counted import counted


@dataclass(frozen=True)
class Wanted:
    """What is to be verified.

    Attributes:
        sources: by the name of each, a file's path from here or a pair's own name: the files it is made of.
        named: those that were named by themselves.
        skipped: files that a glob or a folder brought and in which nothing makes a pair.
    """

    sources: dict[str, list[Path]]
    named: frozenset[str]
    skipped: list[str]


def means_many(names: Sequence[str]) -> bool:
    """Whether one of the names is a glob or a folder."""
    return any(_is_glob(name) or _is_folder(name) for name in names)


def wanted(names: Sequence[str]) -> Wanted:
    """What ``names`` stand for.

    Raises:
        UsageError: one is neither a file, a pair, a folder nor a glob; a glob or a folder brings nothing.
    """
    found, named, skipped = dict[str, list[Path]](), set[str](), dict[str, None]()
    for name in names:
        if not (_is_glob(name) or _is_folder(name)):
            check_pair(name)
            here = _from_here(name) if is_file(name) else name
            found[here] = sources(Path(name)) if is_file(name) else []
            named.add(here)
            continue
        brought = {_from_here(path): sources(Path(path)) for path in _brought(name)}
        pairs = {one: files for one, files in brought.items() if names_pair(files) or lesson_of(Path(one))}
        if not pairs:
            raise UsageError(_nothing(name, len(brought)))
        found |= {one: files for one, files in pairs.items() if one not in found}
        skipped |= dict.fromkeys(one for one in brought if one not in pairs)
    return Wanted(found, frozenset(named), [one for one in skipped if one not in found])


def _brought(name: str) -> list[str]:
    """The Python files that a glob or a folder brings, in the order of their names."""
    pattern = os.path.join(glob.escape(name), "**", "*.py") if _is_folder(name) else name
    return sorted(path for path in glob.glob(pattern, recursive=True) if path.endswith(".py") and os.path.isfile(path))


def _nothing(name: str, brought: int) -> str:
    short = name[:SHORT]
    if brought:
        return f"{short}: matches {counted(brought, 'Python file')}, of which none makes a Pair"
    return f"{short}: {'has' if _is_folder(name) else 'matches'} no Python file: expected some that define a pair"


def _is_glob(name: str) -> bool:
    return glob.has_magic(name) and not os.path.exists(name)  # a file may be called a[1].py


def _is_folder(name: str) -> bool:
    return bool(name) and name not in REGISTRY and os.path.isdir(name)


def _from_here(path: str) -> str:
    """The path as one says it in this folder, whichever way it was given; as it is where it lies elsewhere. It never
    looks like an option."""
    whole = os.path.abspath(path)
    inside = os.path.relpath(whole)
    if inside.startswith(os.pardir):
        return whole
    return inside if inside.endswith(".py") and not inside.startswith("-") else os.path.join(os.curdir, inside)
