"""A scheduler of torch's that follows functions of the step: the learning rate, and any other setting of a group."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from torch.optim import Optimizer
from torch.optim.lr_scheduler import LRScheduler

Function = Callable[[int], float]


class Following(LRScheduler):
    """Sets what its functions say before each step, as ``OneCycleLR`` sets rate and momentum.

    Args:
        functions: for each group, a function of the step by the setting's key; "betas[0]" is the first of a tuple.
        last_epoch: the step before the next; -1 at the start.
    """

    def __init__(self, optimizer: Optimizer, functions: Sequence[Mapping[str, Function]], last_epoch: int = -1) -> None:
        self.functions = functions
        super().__init__(optimizer, last_epoch)

    def get_lr(self) -> list[Any]:
        """The rates of this step; every other setting is set on the way."""
        for group, own in zip(self.optimizer.param_groups, self.functions, strict=True):
            for key, function in own.items():
                name, bracket, place = key.partition("[")
                value: Any = function(self.last_epoch)
                if bracket:
                    at = int(place[:-1])
                    value = (*group[name][:at], value, *group[name][at + 1 :])
                group[name] = value
        return [group["lr"] for group in self.optimizer.param_groups]

    def state_dict(self) -> dict[str, Any]:
        """Where it stands; the functions are not in it, as those of ``LambdaLR`` are not."""
        return {key: value for key, value in super().state_dict().items() if key != "functions"}
