"""The reference as several processes train it: in each a copy under ``DistributedDataParallel``, its part of a batch.

What spreads it is the pair's own ``spread`` and ``own_rows``, or what the reader reads, ``torchref.distributed``: which
rows are a process's own, and the wrapper that averages gradients. What is one array in one process stays one: a
dropout's mask is the whole batch's, of which each process takes its own rows.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
import torch
import torch.distributed as dist
from torch import nn

import torchref.distributed
from compare.arrays.batch import Batch
from compare.errors import UsageError, shown, swallowed
from compare.frameworks.dropout.masks import draw
from compare.frameworks.dropout.reference import Drawn, replayed
from compare.frameworks.models.modes import Mode
from compare.pair.fields import FieldError, answer_of
from compare.pair.pair import Entering
from compare.sides.reference import ReferenceSide
from compare.sides.reference_forward import Tensors
from compare.sides.seeds import mask_seed
from compare.verdict.counted import counted


class ReferenceInProcesses(ReferenceSide):
    """Runs one process's part of every step; call it in all of them, with the same that enters."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if self.pair.loss is None:
            raise UsageError(
                f"pair {self.pair.name}: several processes average the gradients of their losses: expected loss="
            )
        self._batch: Batch | None = None
        self._spread: nn.Module | None = None

    def load(self, entering: Entering, mode: Mode = None) -> nn.Module:
        module = super().load(entering, mode)
        self._spread = self._asked("spread", self.pair.spread or torchref.distributed.spread, module)
        if not callable(self._spread):
            raise UsageError(
                f"pair {self.pair.name}: spread= returned {shown(self._spread)}: expected the model, or a wrapper "
                "of it such as DistributedDataParallel"
            )
        return module

    def own_rows(self, rows: int) -> np.ndarray:
        """The numbers of the rows that this process takes of a batch of so many.

        Raises:
            UsageError: the pair's ``own_rows`` raises, or returns no rows of such a batch.
        """
        given = self._asked("own_rows", self.pair.own_rows or torchref.distributed.own_rows, rows)
        try:
            own = np.asarray(range(rows)[given] if isinstance(given, slice) else given)
        except (TypeError, ValueError) as error:  # lists of several lengths, a slice by names
            swallowed(error)
            own = np.array(None)
        if own.ndim != 1 or (own.size and own.dtype.kind not in "iu") or not all(-1 < row < rows for row in own):
            raise UsageError(
                f"pair {self.pair.name}: own_rows= returned {shown(given)}: expected a slice of the {rows} rows, or "
                "their numbers"
            )
        return own.astype(np.int64)

    def forward(self, module: nn.Module, batch: Batch, inputs: Tensors, mode: Mode) -> object:
        self._batch = batch
        if 0 < batch.rows < (several := dist.get_world_size()):
            raise UsageError(
                f"pair {self.pair.name}: {counted(batch.rows, 'row')} in a batch for {several} processes: expected one "
                "for each of them at least: the loss of none is no number (--batch, or fewer --processes)"
            )
        own = {name: self._own(name, tensor) for name, tensor in inputs.items()}
        return super().forward(module, batch, own, mode)

    def _wrapper(self) -> nn.Module | None:
        return self._spread

    def _scored(self, outputs: object, targets: Tensors) -> torch.Tensor:
        return super()._scored(outputs, {name: self._own(name, tensor) for name, tensor in targets.items()})

    def _backward(self, outputs: object, named: Tensors, targets: Tensors, entering: Entering) -> torch.Tensor | None:
        loss = super()._backward(outputs, named, targets, entering)
        assert loss is not None
        mean = loss.detach().clone()
        dist.all_reduce(mean)
        return mean / dist.get_world_size()

    @contextmanager
    def _replaying(self, entering: Entering, mode: Mode, step: int = 0) -> Iterator[Drawn | None]:
        if mode is False and not self.pair.rngs:
            yield None
            return
        self._batch = entering.batches[step]
        with replayed(mask_seed(entering, step), stream=self.stream, drawn=self._drawn) as record:
            yield record

    def _drawn(self, seed: int, index: int, shape: tuple[int, ...], rate: float) -> np.ndarray:
        """This process's rows of the whole batch's mask."""
        assert self._batch is not None
        own = self.own_rows(self._batch.rows)
        count = len(own)
        if axis := self._row_axis():
            if len(shape) <= axis or shape[axis] != count:
                raise UsageError(
                    f"pair {self.pair.name}: a dropout of {shape} where rows are along axis {axis}: expected {count} "
                    "of them there, else which of its entries are a row's cannot be told"
                )
            whole = (*shape[:axis], self._batch.rows, *shape[axis + 1 :])
            return draw(seed, index, whole, rate).take(own, axis)
        if not shape or not count or shape[0] % count:
            return draw(seed, index, shape, rate)
        each = shape[0] // count  # a mask may have several entries along its first axis for each row
        mask = draw(seed, index, (self._batch.rows * each, *shape[1:]), rate)
        return mask.reshape(self._batch.rows, each, *shape[1:])[own].reshape(shape)

    def _row_axis(self) -> int:
        """The axis of a batch's rows: that of all its inputs.

        Raises:
            UsageError: they have several.
        """
        assert self._batch is not None
        axes = {axis for name in self._batch.inputs if (axis := self._batch.axis(name)) is not None} or {0}
        if len(axes) > 1:
            raise UsageError(
                f"pair {self.pair.name}: dropout in several processes: expected the rows of all inputs along one axis, "
                f"got axes {', '.join(map(str, sorted(axes)))}"
            )
        return axes.pop()

    def _own(self, name: str, tensor: torch.Tensor) -> torch.Tensor:
        assert self._batch is not None
        axis, rows = self._batch.axis(name), self._batch.rows
        if axis is None or tensor.shape[axis] != rows:
            return tensor
        return tensor.index_select(axis, torch.from_numpy(self.own_rows(rows)).to(tensor.device))

    def _asked(self, field: str, function: Callable[..., Any], *args: Any) -> Any:
        """What a function of the pair's returns.

        Raises:
            UsageError: it raises.
        """
        try:
            return answer_of(field, function, *args)
        except FieldError as error:
            raise UsageError(f"pair {self.pair.name}: {error}") from error
