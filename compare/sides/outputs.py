"""What a model returns, as named arrays."""

from collections.abc import Iterator
from typing import Any


def named_outputs(value: Any, name: str = "output") -> Iterator[tuple[str, Any]]:
    """Each array in ``value`` with its path: tuples and lists by position, dictionaries by key; None is no output."""
    if value is None:
        return
    if isinstance(value, dict):
        for key, item in value.items():
            yield from named_outputs(item, f"{name}/{key}")
    elif isinstance(value, tuple | list):
        for position, item in enumerate(value):
            yield from named_outputs(item, f"{name}/{position}")
    else:
        yield name, value
