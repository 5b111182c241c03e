"""What a task's process really ran: the local files that it loaded, and the versions of what is installed there.

Sources are read before a task begins, and tell most of it. What a file finds by itself while it runs, in a folder that
it puts on Python's path or by a name that it makes, only the process that ran it knows; and so with the versions of
another machine.
"""

import platform
import sys
import sysconfig
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import compare
from compare.checkpoints.json_file import read_json, write_json
from compare.cli.many.local_sources import OWN, is_installed
from compare.errors import UsageError, swallowed
from compare.frameworks.environment import PACKAGES, installed


@dataclass(frozen=True)
class Ran:
    """What ran.

    Attributes:
        files: local ones that were loaded as modules, with their whole paths.
        versions: of Python and of the packages that a verdict depends on.
    """

    files: tuple[str, ...] = ()
    versions: Mapping[str, str] | None = None


def leave_it(place: str | Path) -> None:
    """Write what this process has run; where it cannot be written, the result is there all the same."""
    try:
        write_json(Path(place), {"files": _loaded(), "versions": versions_here()})
    except (OSError, UsageError) as error:
        swallowed(error)


def read_it(place: Path) -> Ran | None:
    """What a process left; None where it had no time to."""
    try:
        form: Any = read_json(place)
        return Ran(tuple(map(str, form["files"])), {str(name): str(one) for name, one in form["versions"].items()})
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return None


def versions_here() -> dict[str, str]:
    """Of Python, and of each of the packages that is installed."""
    found = {name: version for name in PACKAGES if (version := installed(name)) != "not installed"}
    return found | {"python": platform.python_version()}


def beside(ran: Ran | None, known: Sequence[Path]) -> list[str]:
    """The files that were loaded, and that were not read before."""
    read = {str(path) for path in known}
    return [file for file in ran.files if file not in read] if ran else []


def _loaded() -> list[str]:
    """The Python files of modules that are neither Python's, nor installed, nor this project's."""
    around = Path(compare.__file__).resolve().parents[1]
    strange = [*(around / name for name in OWN), *(Path(sysconfig.get_path(one)) for one in ("stdlib", "platstdlib"))]
    found = dict[str, None]()
    for module in list(sys.modules.values()):
        named = getattr(module, "__file__", None)
        if not isinstance(named, str) or not named.endswith(".py"):
            continue
        file = Path(named).resolve()
        if file.parent != around and not any(folder.resolve() in file.parents for folder in strange):
            found.update({str(file): None} if not is_installed(file.parent) else {})
    return sorted(found)
