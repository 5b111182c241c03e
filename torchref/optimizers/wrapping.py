"""What is put around an optimizer: clipping, groups of parameters, masks, accumulation, averaged weights."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

import torch
from torch import Tensor, nn
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn


def clip_grad_norm(parameters: Iterable[Tensor], max_norm: float, norm_type: float | str = 2.0) -> Tensor:
    """All gradients scaled by one number, in place, so that their norm (of any order) is at most ``max_norm``.

    Called between ``backward`` and ``step``. It divides by the norm plus 1e-6.
    """
    return nn.utils.clip_grad_norm_(parameters, max_norm, float(norm_type))


def clip_grad_value(parameters: Iterable[Tensor], clip_value: float) -> None:
    """Every entry of a gradient between ``-clip_value`` and ``clip_value``, in place."""
    nn.utils.clip_grad_value_(parameters, clip_value)


def by_group(
    recipe: Callable[..., torch.optim.Optimizer],
    groups: Mapping[str, Sequence[Tensor]],
    settings: Mapping[str, Mapping[str, Any]],
    **shared: Any,
) -> torch.optim.Optimizer:
    """One optimizer of several groups: ``recipe`` with what is ``shared`` and the group's own settings.

    Args:
        groups: the parameters of each group.
    """
    first, *others = (recipe(groups[name], **{**shared, **own}) for name, own in settings.items())
    for other in others:
        first.add_param_group(other.param_groups[0])
    return first


def decayed(parameters: Iterable[Tensor], weight_decay: float) -> list[dict[str, Any]]:
    """Two groups: matrices decay, biases and scales do not. ``adamw(decayed(model.parameters(), 1e-2))``."""
    every = list(parameters)
    matrices, others = [one for one in every if one.ndim > 1], [one for one in every if one.ndim <= 1]
    return [{"params": matrices, "weight_decay": weight_decay}, {"params": others, "weight_decay": 0.0}]


def accumulate(optimizer: torch.optim.Optimizer, losses: Sequence[Callable[[], Tensor]]) -> None:
    """One step with the mean of the gradients of several losses, each computed and let go before the next."""
    optimizer.zero_grad()
    for loss in losses:
        (loss() / len(losses)).backward()
    optimizer.step()


def ema(model: nn.Module, decay: float = 0.999) -> AveragedModel:
    """A copy of ``model`` whose parameters are an average over all steps, of weights that shrink by ``decay``.

    After each step: ``average.update_parameters(model)``. The first call copies.
    """
    return AveragedModel(model, multi_avg_fn=get_ema_multi_avg_fn(decay))
