"""What a batch norm of the reference saw in a training pass, and the running statistics it could have made of it."""

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import numpy as np
import torch
from torch import nn

from compare.frameworks.models.modes import Mode
from compare.pair.pair import Entering
from compare.pair.prepared import Prepared
from compare.sides.quartet import Quartet
from compare.sides.reference import ReferenceSide
from compare.sides.side import SideError
from compare.verdict.precision import FLOAT64

Moments = tuple[np.ndarray, np.ndarray, float]  # mean, plain variance, number of values


def _unbiased(mean: np.ndarray, plain: np.ndarray, count: float) -> np.ndarray:
    return plain * (count / max(count - 1, 1))


# What can be kept as the variance of a batch, in words; the reference keeps the first, Flax the second.
UNBIASED, PLAIN = "the batch's divided by N - 1", "the batch's divided by N"
OTHER_AXIS = "that of another axis of the batch"
KINDS: dict[str, Callable[[np.ndarray, np.ndarray, float], np.ndarray]] = {
    UNBIASED: _unbiased,
    PLAIN: lambda mean, plain, count: plain,
    "the batch's mean square": lambda mean, plain, count: plain + mean**2,
    "the batch's standard deviation": lambda mean, plain, count: np.sqrt(_unbiased(mean, plain, count)),
    "the batch's standard deviation by N": lambda mean, plain, count: np.sqrt(plain),
    OTHER_AXIS: _unbiased,
}


@dataclass
class Layer:
    """One batch norm and the batches that went through it.

    Attributes:
        path: in the reference; weight: its momentum, the weight of the new batch (of ``cumulative``, 1 over the
            number of batches); before: the statistics that entered, by name.
        seen: the moments of each call over all axes but the features'; across: over all but another axis of its size.
    """

    path: str
    weight: float
    cumulative: bool
    before: dict[str, np.ndarray]
    seen: list[Moments] = field(default_factory=list)
    across: list[Moments | None] = field(default_factory=list)

    @property
    def names(self) -> tuple[str, ...]:
        return tuple(self.before)

    @property
    def calls(self) -> int:
        return len(self.seen)

    def after(self, weight: float, kind: str) -> dict[str, np.ndarray]:
        """The statistics after the pass, had each batch this weight and were the variance of that kind."""
        statistics = dict(self.before)
        for own, other in zip(self.seen, self.across, strict=True):
            mean, plain, count = other if kind == OTHER_AXIS and other is not None else own
            variance = KINDS[kind](mean, plain, count)
            for name in statistics:
                new = variance if name.endswith("running_var") else mean
                statistics[name] = (1 - weight) * statistics[name] + weight * new
        return statistics


def layers_of(quartet: Quartet, entering: Entering, mode: Mode) -> list[Layer]:
    """Run the reference in float64 and look at every batch norm that keeps statistics which the port keeps too."""
    held = quartet.witness.reference if quartet.witness else None
    side = _Watching(quartet.prepared, FLOAT64, quartet.oracle.torch, promoted=quartet.promoted, replaced=held)
    try:
        side.run(entering, mode)
    except Exception as error:
        raise SideError("reference", error) from error
    return [layer for layer in side.layers.values() if layer.seen and layer.before]


class _Watching(ReferenceSide):
    """A side that keeps the moments of what enters every batch norm."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.layers: dict[str, Layer] = {}

    def _watch(self, module: nn.Module) -> None:
        super()._watch(module)
        for path, layer in module.named_modules():
            if isinstance(layer, nn.modules.batchnorm._BatchNorm) and layer.track_running_stats:
                start = f"{path}." if path else ""
                named = {f"{start}{name}": getattr(layer, name) for name in ("running_mean", "running_var")}
                before = {name: statistic.detach().cpu().double().numpy().copy() for name, statistic in named.items()}
                tracked = float(layer.num_batches_tracked) if layer.num_batches_tracked is not None else 0.0
                self.layers[path] = Layer(
                    path,
                    1 / (tracked + 1) if layer.momentum is None else float(layer.momentum),
                    layer.momentum is None,
                    {name: statistic for name, statistic in before.items() if name in self.prepared.buffers},
                )
                layer.register_forward_pre_hook(partial(self._look, path))

    def _look(self, path: str, layer: nn.Module, args: tuple) -> None:
        if not layer.training:
            return
        x = args[0].detach().double()
        self.layers[path].seen.append(moments(x, 1))
        across = other_axis(x)
        self.layers[path].across.append(moments(x, across) if across is not None else None)


def other_axis(x: torch.Tensor) -> int | None:
    """The first axis that could be taken for that of the features, axis 1; None without one."""
    return next((axis for axis in range(x.dim()) if axis != 1 and x.shape[axis] == x.shape[1]), None)


def moments(x: torch.Tensor, axis: int) -> Moments:
    """Mean, plain variance and number of values of each entry along ``axis``, in float64."""
    flat = x.movedim(axis, 0).reshape(x.shape[axis], -1)
    mean = flat.mean(1)
    plain = (flat - mean[:, None]).square().mean(1)
    return mean.cpu().numpy(), plain.cpu().numpy(), float(flat.shape[1])


def port_momentum(prepared: Prepared, names: tuple[str, ...]) -> float | None:
    """The momentum of the port's layer that keeps these statistics, if it can be read: the weight of the old value."""
    for entry in prepared.weight_map.entries:
        if entry.reference in names:
            path = "/".join(entry.port.split("/")[1:-1])
            momentum = getattr(prepared.port.modules.get(path), "momentum", None)
            if isinstance(momentum, int | float):
                return float(momentum)
    return None
