"""The reference as a program that works on shards may run it: rows by themselves, means of means, padded batches."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
from torch import nn
from torch.utils._pytree import tree_map

from compare.arrays.batch import Batch
from compare.frameworks.dropout.masks import draw
from compare.frameworks.dropout.reference import Drawn, replayed
from compare.frameworks.models.modes import Mode
from compare.pair.pair import Entering
from compare.sides.reference import ReferenceSide
from compare.sides.reference_forward import Tensors
from compare.sides.seeds import mask_seed

Block = tuple[slice, ...]  # a part of an array, one slice for each dimension
ZEROS, LAST, FIRST = "zeros", "copies of the last row", "the first rows again"  # what a batch is padded with


@dataclass(frozen=True)
class InShards:
    """One way to work on shards, as far as it is another function than the reference.

    Attributes:
        parts: how many shards the rows are cut into, one behind the other.
        apart: every shard's rows go through the model by themselves.
        scored_apart: the loss is the mean of the losses of the shards.
        one_mask: every shard drops what the first one does.
        padding: what the batch is padded with, to a number of rows that ``parts`` divides; the loss counts it.
        padded_outputs: outputs and targets are padded with zeros in front of the loss.
        factors: by parameter, what its gradient is multiplied by; every_factor: of those that are not named.
        without: by parameter, the entries whose gradient is zero; still: those that no step changes.
    """

    parts: int
    apart: bool = False
    scored_apart: bool = False
    one_mask: bool = False
    padding: str = ""
    padded_outputs: bool = False
    factors: Mapping[str, float] = field(default_factory=dict)
    every_factor: float = 1.0
    without: Mapping[str, Block] = field(default_factory=dict)
    still: Mapping[str, Block] = field(default_factory=dict)


class ReferenceInShards(ReferenceSide):
    """Runs the pair's module in such a way."""

    def __init__(self, how: InShards, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.how = how
        self._module: nn.Module | None = None  # the copy that is running
        self._batch: Batch | None = None
        self._padded: object = None  # its outputs of a padded batch
        self._shard, self._met, self._before = 0, 0, 0  # which is running, dropouts met so far, and in earlier shards

    def load(self, entering: Entering, mode: Mode = None) -> nn.Module:
        self._module = super().load(entering, mode)
        return self._module

    def forward(self, module: nn.Module, batch: Batch, inputs: Tensors, mode: Mode) -> object:
        self._batch = batch
        how, rows = self.how, batch.rows
        if how.padding:
            fed = {name: self._fed(name, one, how.padding) for name, one in inputs.items()}
            self._padded = super().forward(module, batch, fed, mode)
            return _of_rows(self._padded, slice(0, rows), _up(rows, how.parts))
        if not how.apart:
            return super().forward(module, batch, inputs, mode)
        made, left = [], list[Tensors]()
        before = {name: tensor.detach().clone() for name, tensor in _floating_buffers(module).items()}
        for number, part in enumerate(_parts(rows, how.parts)):
            self._shard, self._before = number, self._met
            _put(module, {name: tensor.clone() for name, tensor in before.items()})
            own = {name: self._cut(name, one, part) for name, one in inputs.items()}
            made.append(super().forward(module, batch, own, mode))
            left.append(_floating_buffers(module))
        # What the shards keep is averaged, as whoever keeps one set of statistics must do.
        _put(module, {name: torch.stack([one[name].detach() for one in left]).mean(0) for name in before})
        return _joined(made)

    def _scored(self, outputs: object, targets: Tensors) -> torch.Tensor:
        assert self._batch is not None
        how, rows = self.how, self._batch.rows
        if how.padding:
            fed = {name: self._fed(name, one, how.padding) for name, one in targets.items()}
            return super()._scored(self._padded, fed)
        if how.padded_outputs:
            fed = {name: self._fed(name, one, ZEROS) for name, one in targets.items()}
            more = _up(rows, how.parts) - rows
            padded = tree_map(lambda one: _padded(one, 0, more, ZEROS) if _has_rows(one, rows) else one, outputs)
            return super()._scored(padded, fed)
        if not how.scored_apart:
            return super()._scored(outputs, targets)
        losses = []
        for part in _parts(rows, how.parts):
            own = {name: self._cut(name, one, part) for name, one in targets.items()}
            losses.append(super()._scored(_of_rows(outputs, part, rows), own))
        return torch.stack(losses).mean()

    def _backward(self, outputs: object, named: Tensors, targets: Tensors, entering: Entering) -> torch.Tensor | None:
        loss = super()._backward(outputs, named, targets, entering)
        assert self._module is not None
        for name, parameter in self._module.named_parameters():
            if parameter.grad is not None and (factor := self.how.factors.get(name, self.how.every_factor)) != 1:
                parameter.grad.mul_(factor)
            if parameter.grad is not None and name in self.how.without:
                parameter.grad[self.how.without[name]] = 0
        return loss

    def _step(self, optimizer: torch.optim.Optimizer, parameters: dict[str, nn.Parameter]) -> None:
        before = {name: parameters[name].detach()[block].clone() for name, block in self.how.still.items()}
        super()._step(optimizer, parameters)
        with torch.no_grad():
            for name, block in self.how.still.items():
                parameters[name][block] = before[name]

    @contextmanager
    def _replaying(self, entering: Entering, mode: Mode, step: int = 0) -> Iterator[Drawn | None]:
        if not (self.how.one_mask or self.how.apart) or mode is False:
            with super()._replaying(entering, mode, step) as record:
                yield record
            return
        self._shard = self._met = self._before = 0
        with replayed(mask_seed(entering, step), stream=self.stream, drawn=self._drawn) as record:
            yield record

    def _drawn(self, seed: int, index: int, shape: tuple[int, ...], rate: float) -> np.ndarray:
        """The mask of a dropout: a shard's rows of the whole one, or the first shard's for all."""
        parts, self._met = self.how.parts, index + 1
        if self.how.apart:
            whole = draw(seed, index - self._before, (shape[0] * parts, *shape[1:]), rate)
            first = 0 if self.how.one_mask else self._shard * shape[0]
            return whole[first : first + shape[0]]
        mask = draw(seed, index, shape, rate)
        return np.concatenate([mask[: shape[0] // parts]] * parts) if shape and not shape[0] % parts else mask

    def _cut(self, name: str, tensor: torch.Tensor, part: slice) -> torch.Tensor:
        axis = self._axis(name, tensor)
        return tensor if axis is None else tensor.narrow(axis, part.start, part.stop - part.start)

    def _fed(self, name: str, tensor: torch.Tensor, with_what: str) -> torch.Tensor:
        assert self._batch is not None
        axis, rows = self._axis(name, tensor), self._batch.rows
        return tensor if axis is None else _padded(tensor, axis, _up(rows, self.how.parts) - rows, with_what)

    def _axis(self, name: str, tensor: torch.Tensor) -> int | None:
        """The axis of the batch's rows; None of what has none, or another number of them."""
        assert self._batch is not None
        axis = self._batch.axis(name)
        return axis if axis is not None and tensor.shape[axis] == self._batch.rows else None


def _up(rows: int, parts: int) -> int:
    """The least number of rows from ``rows`` on that ``parts`` divides."""
    return -(-rows // parts) * parts


def _parts(rows: int, parts: int) -> list[slice]:
    """The rows of each shard; the last may have fewer."""
    each = _up(rows, parts) // parts
    return [slice(start, min(start + each, rows)) for start in range(0, rows, each)]


def _padded(tensor: torch.Tensor, axis: int, more: int, with_what: str) -> torch.Tensor:
    if with_what == ZEROS:
        rest = torch.zeros_like(tensor.narrow(axis, 0, 1)).repeat_interleave(more, axis)
    elif with_what == LAST:
        rest = tensor.narrow(axis, tensor.shape[axis] - 1, 1).repeat_interleave(more, axis)
    else:
        rest = tensor.narrow(axis, 0, more)
    return torch.cat([tensor, rest], axis)


def _has_rows(one: object, rows: int) -> bool:
    return isinstance(one, torch.Tensor) and one.ndim > 0 and one.shape[0] == rows


def _of_rows(outputs: object, part: slice, rows: int) -> object:
    return tree_map(lambda one: one[part] if _has_rows(one, rows) else one, outputs)


def _joined(made: list[object]) -> object:
    """Outputs of all rows from those of each shard; what has no rows is the mean of them."""

    def joined(*parts: Any) -> Any:
        if not isinstance(parts[0], torch.Tensor):
            return parts[0]
        return torch.cat(parts) if parts[0].ndim else torch.stack(parts).mean()

    return tree_map(joined, made[0], *made[1:])


def _floating_buffers(module: nn.Module) -> Tensors:
    return {name: one for name, one in module.named_buffers() if one.is_floating_point()}


def _put(module: nn.Module, buffers: Tensors) -> None:
    """Others in their place, not into them: what is derived later still needs what was there."""
    for name, tensor in buffers.items():
        path, _, last = name.rpartition(".")
        module.get_submodule(path)._buffers[last] = tensor
