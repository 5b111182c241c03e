"""What a function returns, taken apart: its entries by place, held to another's, and the numbers in them."""

from collections.abc import Callable, Mapping

import numpy as np

Back = Callable[..., np.ndarray]


def unlike(answer: object, written: object, where: str = "") -> str:
    """In one line, where ``written`` has other parts than ``answer``; empty where both have the same.

    Parts are a dictionary's entries by key, and what a tuple or a list holds by place: either may stand for the other.
    What has no parts is not looked at: quantities are judged of it.
    """
    at = f" at {where}" if where else ""
    if isinstance(answer, Mapping):
        if not isinstance(written, Mapping) or answer.keys() != written.keys():
            return f"expected what it returns to be {parts(answer)}{at}, got {parts(written)}"
        pairs = [(answer[key], written[key], f"[{key!r}]") for key in answer]
    elif isinstance(answer, tuple | list):
        if not isinstance(written, tuple | list) or len(answer) != len(written):
            return f"expected what it returns to be {parts(answer)}{at}, got {parts(written)}"
        pairs = [(one, other, f"[{place}]") for place, (one, other) in enumerate(zip(answer, written, strict=True))]
    else:
        several = isinstance(written, Mapping | tuple | list)
        return f"expected what it returns to be {parts(answer)}{at}, got {parts(written)}" if several else ""
    return next(filter(None, (unlike(one, other, f"{where}{place}") for one, other, place in pairs)), "")


def parts(value: object) -> str:
    """What a value is made of, down to what has no parts: ``(array, {W1, b1})``."""
    if isinstance(value, Mapping):
        return f"{{{', '.join(map(str, value))}}}"
    if isinstance(value, tuple | list):
        return f"({', '.join(map(parts, value))})"
    if hasattr(value, "shape") and hasattr(value, "dtype"):
        return "array"
    return "None" if value is None else type(value).__name__


def numbers(value: object, back: Back, where: str = "") -> dict[str, np.ndarray]:
    """A copy of each array and number in ``value``, by its place: ``[0]['W1']``.

    What is only traced, or lies on ``meta``, has none.

    Args:
        back: an array of the framework's to one of NumPy's.
    """
    if isinstance(value, Mapping):
        named = [(one, f"{where}[{key!r}]") for key, one in value.items()]
    elif isinstance(value, tuple | list):
        named = [(one, f"{where}[{place}]") for place, one in enumerate(value)]
    elif isinstance(value, bool | int | float | complex | np.ndarray | np.generic):  # a side may hand out NumPy's own
        return {where: np.array(value)}
    else:
        there = parts(value) == "array" and not getattr(value, "is_meta", False) and not _is_traced(value)
        return {where: np.array(back(value))} if there else {}
    return {place: array for one, at in named for place, array in numbers(one, back, at).items()}


def _is_traced(value: object) -> bool:
    """Whether it stands for an array while JAX traces: its type has no numbers."""
    return "Tracer" in {kind.__name__ for kind in type(value).__mro__}
