"""The table of sound ports, and the two recipes that most of its rows share."""

from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
import torch


def seeded(module: Callable[..., torch.nn.Module], *arguments: Any) -> Callable[[], torch.nn.Module]:
    """A builder of ``module(*arguments)`` whose first weights are always the same."""

    def build() -> torch.nn.Module:
        torch.manual_seed(0)
        return module(*arguments)

    return build


def normal(*shape: int, offset: float = 0.0) -> Callable[[np.random.Generator], Any]:
    """One float32 input of ``shape`` from N(offset, 1)."""
    return partial(_normal, shape, offset)


def _normal(shape: tuple[int, ...], offset: float, rng: np.random.Generator) -> np.ndarray:
    return rng.standard_normal(shape, dtype=np.float32) + np.float32(offset)
