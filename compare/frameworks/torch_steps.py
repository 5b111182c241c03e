"""What a torch optimizer does in its step: the function behind torch's own wrappers, and the hooks around it.

Where torch keeps them is not promised. A torch that keeps them elsewhere fails here, rather than seem to have none.
"""

from collections.abc import Mapping
from typing import Any

import torch
from torch.optim.optimizer import _global_optimizer_post_hooks, _global_optimizer_pre_hooks


def stepping(step: Any) -> Any:
    """The function that steps, without what torch itself (its profiler, a scheduler) put around it."""
    step = getattr(step, "__func__", step)
    while hasattr(step, "__wrapped__") and getattr(step, "__globals__", {}).get("__name__", "").startswith("torch."):
        step = getattr(step.__wrapped__, "__func__", step.__wrapped__)
    return step


def step_hooks(optimizer: torch.optim.Optimizer) -> list[Mapping[int, Any]]:
    """The hooks of its step: its own, before and after, and those of all optimizers."""
    return [
        optimizer._optimizer_step_pre_hooks,
        optimizer._optimizer_step_post_hooks,
        _global_optimizer_pre_hooks,
        _global_optimizer_post_hooks,
    ]
