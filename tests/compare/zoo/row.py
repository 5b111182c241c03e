"""One row of the table of sound ports."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np


@dataclass(frozen=True)
class Sound:
    """A port that is the same function, however different it looks.

    Attributes:
        name: of the row, alone in the table.
        reference: builds the ``nn.Module``, with the same first weights every time.
        port: builds the port: a Linen module, an NNX module, an Equinox one, or (function, pytree of parameters).
        batch: an array, a tuple of positional inputs, or a dictionary of keyword inputs, float32, int32 or bool.
        options: further fields of ``compare.pair.pair.Pair``.
    """

    name: str
    reference: Callable[[], Any]
    port: Callable[[], Any]
    batch: Callable[[np.random.Generator], Any]
    options: Mapping[str, Any] = field(default_factory=dict)
