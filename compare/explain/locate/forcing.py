"""Arrays that are put in the place of the reference's own at its cuts, and cotangents likewise on the way back."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

from compare.explain.locate.cuts import Cut


@dataclass(frozen=True)
class Forced:
    """By cut, ``values``: the array that goes on from there; ``against``: the cotangent that goes back from there; what
    comes back goes on where there is none."""

    values: Mapping[Cut, np.ndarray]
    against: Mapping[Cut, np.ndarray]


class InPlaceOf(torch.autograd.Function):
    """Another tensor in the place of one, derived as that one."""

    @staticmethod
    def forward(ctx: Any, own: torch.Tensor, sent: torch.Tensor) -> torch.Tensor:
        """``sent``."""
        return sent.clone()

    @staticmethod
    def backward(ctx: Any, *cotangents: torch.Tensor) -> tuple[torch.Tensor, None]:
        """All of it for ``own``."""
        return cotangents[0], None
