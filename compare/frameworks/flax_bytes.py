"""Nested dictionaries of arrays as Flax itself writes them."""

from typing import TypeAlias

import numpy as np

Nest: TypeAlias = "dict[str, np.ndarray | Nest]"


def to_bytes(tree: Nest) -> bytes:
    """``tree`` as msgpack, the names in its order; it is used up: large arrays are replaced by their chunks in it."""
    from flax import serialization

    # In place: Flax's copy would sort the names.
    return serialization.msgpack_serialize(tree, in_place=True)
