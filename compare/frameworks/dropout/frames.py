"""Which line of whose code is running: the Python frames between a framework's inside and the model that called it."""

import sys
from collections.abc import Collection, Iterator
from types import FrameType

from compare.frameworks.notebook_cells import shown_file

# Frames that are nobody's model: this package, and the standard library's glue around it.
GLUE = ("compare.frameworks.dropout", "contextlib", "functools", "threading")


def stack() -> Iterator[FrameType]:
    """The frames that are running, from the caller's own outwards."""
    frame: FrameType | None = sys._getframe(1)
    while frame is not None:
        yield frame
        frame = frame.f_back


def module_of(frame: FrameType) -> str:
    """The dotted name of the module that the frame's code belongs to, or "" where it was made without one."""
    return str(frame.f_globals.get("__name__", ""))


def user_line(frameworks: Collection[str]) -> str:
    """file:line of the innermost frame that belongs to none of ``frameworks`` (top-level package names).

    The file is relative to the working directory where it lies below it; a cell of a notebook is ``In[3]``.
    """
    for frame in stack():
        name = module_of(frame)
        if name.split(".")[0] not in frameworks and not name.startswith(GLUE):
            return f"{shown_file(frame.f_code.co_filename)}:{frame.f_lineno}"
    return "unknown line"
