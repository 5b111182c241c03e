"""What is judged of torchref/remat.py."""

from collections.abc import Callable
from functools import partial
from unittest.mock import patch

import torch
from torch import Tensor

from compare.lessons.judged.counted_torch import bytes_kept, leaves
from compare.lessons.row import Quantities
from torchref import remat
from torchref.remat import deep_loss


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


def _runs(x: Tensor, weights: dict[str, Tensor], *, again: bool) -> int:
    """How often each block is called until its gradient is there."""
    with patch.object(remat, "block", wraps=remat.block) as block:
        torch.autograd.grad(deep_loss(x, **weights, again=again), weights["up"])
    return block.call_count // len(weights["up"])
