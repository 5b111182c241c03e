"""The reference's promoted side while it is looked for what it has of the port's tables."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import partial

import numpy as np
import torch
from torch import nn

from compare.frameworks.islands.lookout import Lookout
from compare.frameworks.islands.seen import Seen, widen_tensor
from compare.frameworks.islands.watch import Watch
from compare.pair.pair import Entering
from compare.sides.reference import ReferenceSide
from compare.sides.reference_forward import Ready, Tensors
from compare.verdict.precision import FLOAT64


class WatchedReference(ReferenceSide):
    """Shows ``lookout`` the tables that it holds, then what its runs compute, with ``rng`` rounded at random."""

    def __init__(
        self,
        prepared: Ready,
        device: torch.device,
        lookout: Lookout,
        held: Sequence[str],
        replaced: Mapping[str, np.ndarray],
        rng: np.random.Generator | None = None,
    ) -> None:
        """``held``: the dotted names of the tables; ``replaced``: those of them with other values."""
        super().__init__(prepared, FLOAT64, device, promoted=True, replaced=replaced)
        self._lookout, self._held, self._rng = lookout, held, rng

    def _watch(self, module: nn.Module) -> None:
        for name in self._held:
            path, _, last = name.rpartition(".")
            tensor = getattr(module.get_submodule(path), last)
            self._lookout.see(tensor.shape, partial(widen_tensor, tensor))

    def _backward(self, outputs: object, named: Tensors, targets: Tensors, entering: Entering) -> None:
        """Nothing: what stands in a table's place follows from no input, and the forward pass has all of it."""

    @contextmanager
    def _as_promoted(self) -> Iterator[Seen | None]:
        with Watch(self._lookout, self._rng), super()._as_promoted() as seen:
            yield seen
