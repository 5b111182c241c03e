"""CUDA graphs: one step, or several on distinct batches, captured once and replayed by a single call.

Source: https://docs.pytorch.org/docs/stable/notes/cuda.html#cuda-graphs (whole-network capture)
"""

from collections.abc import Callable
from dataclasses import replace

import torch

from compare.frameworks.devices import Device
from compare.measure.bench.runner import Looked, Unavailable
from compare.measure.bench.runners.chunks import steps_in_a_call
from compare.measure.bench.runners.torch_eager import TorchRunner
from compare.measure.bench.runners.torch_problem import OnDevice
from compare.measure.bench.runners.torch_state import starts_at_zero
from compare.pair.pair import Entering
from compare.pair.prepared import Prepared
from compare.verdict.precision import Precision

WARM = 3  # steps before the capture, on a stream of their own, as torch's notes have it


class GraphRunner(TorchRunner):
    """The five beats, ``steps`` times, as one graph. Batches are copied to where the graph reads them."""

    def __init__(
        self,
        prepared: Prepared,
        entering: Entering,
        precision: Precision,
        device: Device,
        masked: bool = False,
        way: str = "",
        steps: int = 1,
    ) -> None:
        """Raises:
        Unavailable: there is no card, the pair's masks are given (a graph replays what it has drawn), or the optimizer
            makes its state in its first step only.
        """
        if device.torch.type != "cuda":
            raise Unavailable("CUDA graphs need a CUDA device")
        super().__init__(prepared, entering, precision, device, masked, way)
        if self.masked:
            raise Unavailable("a CUDA graph is not given masks: it draws its own")
        self.steps_per_call = steps_in_a_call(len(self.problem.batches), steps)
        self._make_capturable()
        if not starts_at_zero(self.problem, lambda: self.beats(self.problem.batches[0])):
            raise Unavailable("the optimizer's first step is another program than those that follow")
        self._static = [_like(given) for given in self.problem.batches[: self.steps_per_call]]
        self.graph: torch.cuda.CUDAGraph | None = None
        self.mark()

    def call(self, count: int) -> None:
        if self.graph is None:
            self.graph = self._captured()
        batches, many = self.problem.batches, len(self.problem.batches)
        for _ in range(count):
            for place, static in enumerate(self._static):
                _copy(static, batches[(self.done + place) % many])
            self.graph.replay()
            self.done += self.steps_per_call

    def looked_at(self) -> Looked:
        """Its memory is the graph's own, which a replay does not ask for: not told."""
        return replace(super().looked_at(), held=None)

    def uncompiled(self) -> Callable[[], object]:
        def steps() -> None:
            for _ in range(self.steps_per_call):
                self.beats(self.problem.batches[self.done % len(self.problem.batches)])
                self.done += 1

        return steps

    def _captured(self) -> torch.cuda.CUDAGraph:
        with self.kept():
            side = torch.cuda.Stream(self.device)
            side.wait_stream(torch.cuda.current_stream(self.device))
            with torch.cuda.stream(side):
                for _ in range(WARM):
                    self.beats(self._static[0])
            torch.cuda.current_stream(self.device).wait_stream(side)
            graph = torch.cuda.CUDAGraph()
            # Gradients of None: those that the captured backward passes make lie in the graph's own memory.
            self.problem.optimizer.zero_grad(set_to_none=True)
            with torch.cuda.graph(graph):
                for given in self._static:
                    self.loss = self.beats(given)
        return graph

    def _make_capturable(self) -> None:
        for group in self.problem.optimizer.param_groups:
            if "capturable" in group:
                group["capturable"] = True


def _like(given: OnDevice) -> OnDevice:
    """Memory of the batch's shape, with the batch in it."""
    copy = torch.utils._pytree.tree_map(lambda leaf: leaf.clone() if isinstance(leaf, torch.Tensor) else leaf, given)
    return OnDevice(*copy)


def _copy(static: OnDevice, given: OnDevice) -> None:
    """The values of a batch, to where the graph reads them."""
    to, of = (torch.utils._pytree.tree_leaves(one) for one in (static, given))
    for there, here in zip(to, of, strict=True):
        if isinstance(there, torch.Tensor):
            there.copy_(here, non_blocking=True)
