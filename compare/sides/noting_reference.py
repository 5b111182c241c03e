"""The reference, noting while it runs what it rounds below the working precision."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager

import torch
from torch import nn

from compare.arrays.batch import Batch
from compare.frameworks.islands.low_reference import Roundings
from compare.frameworks.islands.roundings import INPUT, Book
from compare.pair.pair import Entering, scored
from compare.sides.reference import ReferenceSide
from compare.sides.reference_forward import Ready, Tensors
from compare.verdict.precision import Precision


class NotingReference(ReferenceSide):
    """The reference at the working precision, its forward pass and the pair's loss noted in ``book``."""

    def __init__(
        self, prepared: Ready, precision: Precision, device: torch.device, shared: Mapping[str, str] | None = None
    ) -> None:
        """``shared``: names of weights that both sides have; by default each has its own."""
        super().__init__(prepared, precision, device)
        self.book, self._shared = Book(precision.name), shared
        self._roundings = Roundings(self.book)

    def _watch(self, module: nn.Module) -> None:
        for name, tensor in [*module.named_parameters(), *module.named_buffers()]:
            if self._shared is None or name in self._shared:
                shared = name if self._shared is None else self._shared[name]
                self._roundings.weight(tensor, frozenset({shared}), name.rpartition(".")[0])

    def batch(self, batch: Batch) -> tuple[Tensors, Tensors]:
        inputs, targets = super().batch(batch)
        for name, tensor in (inputs | targets).items():
            self._roundings.input(tensor, f"{INPUT}{name}")
        return inputs, targets

    @contextmanager
    def _as_promoted(self) -> Iterator[None]:
        with self._roundings:
            yield None

    def _backward(self, outputs: object, named: Tensors, targets: Tensors, entering: Entering) -> torch.Tensor | None:
        """No gradients: a backward pass rounds where its forward pass does."""
        return scored(self.pair.loss[0], outputs, list(targets.values())) if self.pair.loss is not None else None
