"""Dropout layers that are given their masks: what a compiled step can be judged with, since a mode that replays masks
around an eager step does not reach into a compiled one."""

from typing import Any

import torch
from torch import nn

from compare.measure.bench.runner import Unavailable
from compare.sides.side import Dropped

LAYERS = (nn.Dropout, nn.Dropout1d, nn.Dropout2d, nn.Dropout3d)


class MaskedDropout(nn.Module):
    """Dropout by the mask in its buffer: 1 where an entry is kept."""

    mask: torch.Tensor

    def __init__(self, mask: torch.Tensor, rate: float) -> None:
        super().__init__()
        self.rate = rate
        self.register_buffer("mask", mask)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x * self.mask / (1.0 - self.rate)


def mask_layers(module: nn.Module, dropped: Dropped, run: tuple[tuple, dict[str, Any]]) -> dict[str, MaskedDropout]:
    """Put such a layer in the place of each dropout layer of ``module``, in place; by path, in the order of the masks.

    Args:
        run: (args, kwargs) with which the module is called once, to see the order.

    Raises:
        Unavailable: a dropout is no layer of its own, or one layer drops out twice.
    """
    called: list[str] = []
    hooks = [
        layer.register_forward_pre_hook(lambda layer, args, path=path: called.append(path))
        for path, layer in module.named_modules()
        if isinstance(layer, LAYERS) and 0.0 < layer.p < 1.0
    ]
    args, kwargs = run
    try:
        with torch.no_grad(), torch.random.fork_rng(devices=[]):
            module(*args, **kwargs)
    finally:
        for hook in hooks:
            hook.remove()
    if len(called) != len(dropped) or len(set(called)) != len(called):
        raise Unavailable("inside a compiled step only dropout layers, each called once, can be given their masks")
    like = next(module.parameters())
    ones = [torch.ones(shape, dtype=like.dtype, device=like.device) for shape, _ in dropped]
    layers = [MaskedDropout(mask, rate) for mask, (_, rate) in zip(ones, dropped, strict=True)]
    for path, layer in zip(called, layers, strict=True):
        parent, _, name = path.rpartition(".")
        setattr(module.get_submodule(parent), name, layer)
    return dict(zip(called, layers, strict=True))
