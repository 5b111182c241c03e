"""Where in the user's code something happened: "file:line" of the innermost frame that is the user's own."""

import importlib.util
import sys
import sysconfig
from collections.abc import Iterable, Iterator
from functools import cache
from pathlib import Path

from compare.frameworks.models import choose
from compare.frameworks.notebook_cells import cell_of, shown_file

# What stands between a user's line and the operation it leads to.
LIBRARIES = ("torch", *choose.LIBRARIES, "jaxlib", "optax", "numpy", "ml_dtypes", "einops", "compare")
UNKNOWN = "unknown place"
KERNEL = "torch's own "  # before the name of a kernel, which is no place in anybody's code
_OURS = f"{Path(__file__).parent}/"
# Where a user's script calls this package: what is further out is no model's code.
_ENTRIES = tuple(
    str(Path(__file__).parents[2] / name) for name in ("api.py", "cli/cli.py", "verification/verification.py")
)


@cache
def _library_folders() -> tuple[str, ...]:
    folders: list[str] = []
    for name in LIBRARIES:
        try:
            spec = importlib.util.find_spec(name)
        except ModuleNotFoundError:  # said by a finder that refuses it, instead of that there is none
            continue
        folders += [f"{folder}/" for folder in (spec.submodule_search_locations or [])] if spec else []
    return tuple(folders)


@cache
def is_users(file: str) -> bool:
    """Whether ``file`` is neither a library named above, nor Python's own, nor generated code."""
    if cell_of(file):
        return True
    if file.startswith("<") or file.startswith(_library_folders()):
        return False
    packages = (sysconfig.get_path("purelib"), sysconfig.get_path("platlib"))
    return file.startswith(packages) or not file.startswith(sysconfig.get_path("stdlib"))


def place_of(frames: Iterable[tuple[str, int]]) -> str:
    """ "file:line" of the first of ``frames`` (file, line; innermost first) that is the user's; else UNKNOWN.

    The script that asked for the comparison is the user's too, and no place in a model.
    """
    for file, line in frames:
        if file in _ENTRIES:
            return UNKNOWN
        if is_users(file):
            return f"{shown_file(file)}:{line}"
    return UNKNOWN


def here() -> str:
    """The place in the user's code that is running now."""
    return place_of(_stack())


def users_own() -> bool:
    """Whether the user's code itself makes the call that is running now, and not a library on its behalf."""
    return next((is_users(file) for file, _ in _stack() if not file.startswith(_OURS)), False)


def _stack() -> Iterator[tuple[str, int]]:
    frame = sys._getframe(1)
    while frame is not None:
        yield frame.f_code.co_filename, frame.f_lineno
        frame = frame.f_back  # type: ignore[assignment]
