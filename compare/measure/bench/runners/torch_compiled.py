"""torch.compile of the step as people write it: what cannot be in one graph breaks it, and is counted."""

from collections.abc import Callable, Mapping
from typing import Any

import torch

from compare.frameworks.devices import Device
from compare.measure.bench.runner import Looked
from compare.measure.bench.runners.dropouts import dropouts, masks_of
from compare.measure.bench.runners.torch_eager import TorchRunner
from compare.measure.bench.runners.torch_masks import MaskedDropout, mask_layers
from compare.measure.bench.runners.torch_problem import OnDevice
from compare.measure.bench.runners.torch_recording import INDUCTOR, Recording
from compare.measure.bench.runners.torch_state import starts_at_zero
from compare.pair.pair import Entering
from compare.pair.prepared import Prepared
from compare.verdict.precision import FLOAT64, Precision

LISTENED = 4  # calls in which a step is compiled: the first, with an optimizer that starts, and the next


class CompiledRunner(TorchRunner):
    """The five beats under ``torch.compile``, whose graphs and breaks it keeps."""

    def __init__(
        self,
        prepared: Prepared,
        entering: Entering,
        precision: Precision,
        device: Device,
        masked: bool = False,
        way: str = "",
        backend: str = "",
        options: Mapping[str, Any] | None = None,
    ) -> None:
        """Raises:
        Unavailable: as an eager row, and where a dropout of a step that is judged is no layer of its own.
        """
        super().__init__(prepared, entering, precision, device, masked, way)
        # In float64 the step stays as it is, unless a backend is asked for: what a row is held against, nobody times.
        self._how = ("", None) if precision is FLOAT64 and not backend else (backend or INDUCTOR, options)
        self.recording, self._called = Recording(*self._how), 0
        self.layers, self.masks = self._layers(prepared, device) if self.masked else ({}, [])
        self.step = self.recording.compiled(self.beats, whole=False)
        self._starts_at_zero = starts_at_zero(self.problem, lambda: self._beat_once(self.beats))
        self.mark()

    def call(self, count: int) -> None:
        if self._called < LISTENED:
            self._called += count
            with self.recording.listening():
                super().call(count)
        else:
            super().call(count)

    def looked_at(self) -> Looked:
        recording = self.recording
        return Looked(
            "torch", eager=self.uncompiled(), graphs=tuple(recording.graphs), breaks=tuple(recording.breaks),
            kernels=recording.kernels, held=self.held(),
        )  # fmt: skip

    def _call_masked(self, count: int) -> None:
        for _ in range(count):
            number = self.done % len(self.problem.batches)
            self._give(number)
            self.step(self.problem.batches[number])
            self.done += 1

    def _beat_once(self, step: Callable[[OnDevice], object]) -> None:
        if self.masked:
            self._give(0)
        step(self.problem.batches[0])

    @torch.no_grad()
    def _give(self, number: int) -> None:
        for layer, mask in zip(self.layers.values(), self.masks[number], strict=True):
            layer.mask.copy_(mask)

    def _layers(self, prepared: Prepared, device: Device) -> tuple[dict[str, MaskedDropout], list[list[torch.Tensor]]]:
        """The layers that take the masks, and those of each batch."""
        entering, problem = self.problem.entering, self.problem
        dropped = dropouts(prepared, entering, device)
        given: OnDevice = problem.batches[0]
        with self.kept():  # a call moves running statistics
            layers = mask_layers(problem.module, dropped, (given.args, given.kwargs))
        numbers = range(len(entering.batches))
        return layers, [[torch.from_numpy(mask) for mask in masks_of(entering, dropped, n)] for n in numbers]
