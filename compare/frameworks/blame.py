"""Where in a user's model an exception came from: the path of the innermost layer, read off the traceback."""

import traceback
from typing import Any


def told(error: BaseException) -> str:
    """The exception in one line: its type, its own message, and the layer that raised it, as far as known."""
    text = " ".join(str(error).split())
    path = layer_of(error)
    return f"{type(error).__name__}{f' in {path}' if path else ''}: {text[:500]}"


def layer_of(error: BaseException) -> str:
    """The path of the innermost layer (of torch, Linen or NNX) on the way to the exception; empty where there is none
    but the model itself."""
    owners = [frame.f_locals.get("self") for frame, _ in traceback.walk_tb(error.__traceback__)]
    layers = [owner for owner in owners if _kind(owner)]
    return _path(layers[-1], layers) if layers else ""


def _kind(owner: Any) -> str:
    if hasattr(type(owner), "named_modules"):
        return "torch"
    names = [f"{kind.__module__}.{kind.__name__}" for kind in type(owner).__mro__]
    if "flax.linen.module.Module" in names:
        return "linen"
    return "nnx" if "flax.nnx.module.Module" in names else ""


def _path(layer: Any, layers: list[Any]) -> str:
    kind = _kind(layer)
    if kind == "linen":
        return "/".join(getattr(layer, "path", ())) if layer.scope is not None else ""
    root = next(one for one in layers if _kind(one) == kind)
    if kind == "torch":
        return next((name for name, one in root.named_modules() if one is layer), "")
    from flax import nnx

    return next(("/".join(map(str, path)) for path, one in nnx.iter_modules(root) if one is layer), "")
