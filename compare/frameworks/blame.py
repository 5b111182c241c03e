"""Where in a user's model an exception came from: the innermost layer and the user's own line, off the traceback."""

import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from compare.errors import UsageError, WholeBatchError, swallowed
from compare.frameworks.islands.places import UNKNOWN, place_of
from compare.frameworks.models.choose import is_layer, kind_of_port

# From here on JAX's own messages name the function that it traces, which is one of this package's.
TRACED = " The error occurred while tracing the function"
LONG = 500
NO_ROOM = (
    "RESOURCE_EXHAUSTED: Out of memory", "DefaultCPUAllocator: can't allocate memory", "STATUS_ALLOC_FAILED",
)  # fmt: skip # in words of XLA, and of torch where it has no exception for it


def described(error: BaseException) -> str:
    """The exception in one line: its type, the layer that raised it, its own message, and the user's own line
    ("file:line"), as far as known."""
    if isinstance(error, WholeBatchError) and error.__cause__ is not None:
        error = error.__cause__
    text = " ".join(str(error).split()).partition(TRACED)[0][:LONG]
    path, line = layer_of(error), line_of(error)
    in_layer = f" in {path}" if path else ""
    return f"{type(error).__name__}{in_layer}{f': {text}' if text else ''}{f' ({line})' if line else ''}"


def is_out_of_memory(error: BaseException | None) -> bool:
    """Whether an exception, or what it came from, says that an array found no room: Python, NumPy, torch or XLA."""
    while error is not None:
        text = str(error)
        if isinstance(error, MemoryError) or type(error).__name__ == "OutOfMemoryError":
            return True
        if isinstance(error, RuntimeError) and any(words in text for words in NO_ROOM):
            return True
        error = error.__cause__ or error.__context__
    return False


@contextmanager
def program_goes_on() -> Iterator[None]:
    """For code that calls a user's: what would end the program, as ``sys.exit(0)`` does, whose code a caller takes for
    a success, is an error of that code. What the caller's own machinery stops a run by (pytest's outcomes, a cancelled
    task) is not ours to answer.

    Raises:
        UsageError: it would.
    """
    try:
        yield
    except (SystemExit, GeneratorExit) as error:
        swallowed(error)
        raise UsageError(f"a model or a pair's file ended the program: {described(error)}") from error


def line_of(error: BaseException) -> str:
    """ "file:line" of the innermost line on the way to the exception that is the user's own; empty where none is."""
    frames = traceback.extract_tb(error.__traceback__)
    place = place_of((frame.filename, frame.lineno or 0) for frame in reversed(frames))
    return "" if place == UNKNOWN else place


def layer_of(error: BaseException) -> str:
    """The path of the innermost layer, of torch or of a port, on the way to the exception; empty where there is none
    but the model itself."""
    owners = [frame.f_locals.get("self") for frame, _ in traceback.walk_tb(error.__traceback__)]
    layers = [owner for owner in owners if _is_torchs(owner) or is_layer(owner)]
    if not layers:
        return ""
    innermost: Any = layers[-1]
    kind = kind_of_port(innermost)
    if kind is None:
        root: Any = next(layer for layer in layers if _is_torchs(layer))
        return next((name for name, layer in root.named_modules() if layer is innermost), "")
    return kind.path(innermost, [layer for layer in layers if kind.is_layer(layer)])


def _is_torchs(owner: object) -> bool:
    return hasattr(type(owner), "named_modules")
