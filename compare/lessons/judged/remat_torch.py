"""What is judged of torchref/remat.py."""

from collections.abc import Callable
from functools import partial
from typing import Any

import torch
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode

from compare.lessons.judged.counted_torch import bytes_kept, leaves
from compare.lessons.row import Quantities
from torchref.remat import deep_loss


class _Tanhs(TorchDispatchMode):
    """Counts them: one in each block."""

    count = 0

    def __torch_dispatch__(self, operation: Any, types: Any, arguments: Any = (), kwargs: Any = None) -> object:
        self.count += operation is torch.ops.aten.tanh.default
        return operation(*arguments, **(kwargs or {}))


def checkpointing(function: Callable[..., tuple[Tensor, Tensor]], x: Tensor, up: Tensor, down: Tensor) -> Quantities:
    """Both gradients, how often a block runs for each, and the bytes that wait."""
    plain, rematerialized = function(x, up, down)
    weights = leaves(up=up, down=down)
    kept, kept_again = (
        bytes_kept(partial(deep_loss, x, **weights, again=again), [x, *weights.values()]) for again in (False, True)
    )
    return {
        "gradient": plain,
        "gradient with checkpoints": rematerialized,
        "runs of each block": (_runs(x, weights, again=False), _runs(x, weights, again=True)),
        "bytes kept": kept,
        "bytes kept with checkpoints": kept_again,
        "a third of the bytes or less": kept_again <= kept / 3,
    }


def _runs(x: Tensor, weights: dict[str, Tensor], again: bool) -> int:
    with _Tanhs() as tanhs:
        torch.autograd.grad(deep_loss(x, **weights, again=again), weights["up"])
    return tanhs.count // len(weights["up"])
