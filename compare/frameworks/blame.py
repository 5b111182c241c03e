"""Where in a user's model an exception came from: the path of the innermost layer, read off the traceback."""

import traceback
from typing import Any

from compare.errors import WholeBatchError
from compare.frameworks.models.choose import is_layer, kind_of_port


def described(error: BaseException) -> str:
    """The exception in one line: its type, its own message, and the layer that raised it, as far as known."""
    if isinstance(error, WholeBatchError) and error.__cause__ is not None:
        error = error.__cause__
    text = " ".join(str(error).split())
    path = layer_of(error)
    return f"{type(error).__name__}{f' in {path}' if path else ''}: {text[:500]}"


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
