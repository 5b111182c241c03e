"""Eager PyTorch: the five beats, with the pair's optimizer as it comes, or told how to go over its parameters."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

import torch

from compare.arrays.arrays import Arrays
from compare.frameworks.devices import Device
from compare.frameworks.dropout.reference import replayed
from compare.frameworks.steps.torch_costs import bytes_held
from compare.measure.bench.runner import Looked, Unavailable
from compare.measure.bench.runners.torch_problem import OnDevice, TorchProblem, with_options
from compare.measure.bench.runners.torch_state import Mark
from compare.pair.pair import Entering
from compare.pair.prepared import Prepared
from compare.sides.seeds import mask_seed
from compare.verdict.precision import Precision

WAYS = {  # how torch.optim goes over the parameters: at most one of its options is on
    "single-tensor": {"foreach": False, "fused": False},
    "foreach": {"foreach": True, "fused": False},
    "fused": {"foreach": False, "fused": True},
}


class TorchRunner:
    """The five beats on one batch after another. ``step`` is what a row changes."""

    steps_per_call = 1

    def __init__(
        self,
        prepared: Prepared,
        entering: Entering,
        precision: Precision,
        device: Device,
        masked: bool = False,
        way: str = "",
    ) -> None:
        """``way``: one of ``WAYS``; the optimizer as it comes without.

        Raises:
            Unavailable: the optimizer has no such way, or goes it already.
        """
        self.problem = TorchProblem(prepared, entering, precision, device)
        if way:
            self._go(way)
        self.masked, self.device = masked and self.problem.draws, device.torch
        self.done, self.step = 0, self.beats
        self.mark()

    def beats(self, given: OnDevice) -> torch.Tensor:
        """A training step as people write it."""
        optimizer = self.problem.optimizer
        optimizer.zero_grad()
        loss = self.problem.loss(given)
        loss.backward()
        optimizer.step()
        return loss.detach()

    def call(self, count: int) -> None:
        if self.masked:
            return self._call_masked(count)
        step, batches, number = self.step, self.problem.batches, self.done
        for _ in range(count):
            self.loss = step(batches[number % len(batches)])
            number += 1
        self.done = number
        return None

    def wait(self) -> None:
        if self.device.type == "cuda":
            torch.cuda.synchronize(self.device)

    def mark(self) -> None:
        self._marked, self._done = Mark(self.problem), self.done

    def restart(self) -> None:
        self._marked.restore()
        self.done = self._done

    def parameters(self) -> Arrays:
        return self.problem.parameters()

    def gradients(self) -> Arrays:
        with self.kept():
            self.call(1)
            return self.problem.gradients()

    def looked_at(self) -> Looked:
        return Looked("torch", eager=self.uncompiled(), held=self.held())

    def held(self) -> int:
        """Bytes of parameters, buffers, optimizer state and what a call is given."""
        problem = self.problem
        state = [list(own.values()) for own in problem.optimizer.state.values()]
        return bytes_held(problem.tensors(), state, problem.batches[: self.steps_per_call])

    def uncompiled(self) -> Callable[[], object]:
        """One call of the very step, by Python."""

        def step() -> object:
            batches = self.problem.batches
            given = batches[self.done % len(batches)]
            self.done += 1
            return self.beats(given)

        return step

    @contextmanager
    def kept(self) -> Iterator[None]:
        """What runs within it leaves the row where it stood."""
        marked, done = Mark(self.problem), self.done
        try:
            yield
        finally:
            marked.restore()
            self.done = done

    def _call_masked(self, count: int) -> None:
        for _ in range(count):
            number = self.done % len(self.problem.batches)
            with replayed(mask_seed(self.problem.entering, number)):
                self.step(self.problem.batches[number])
            self.done += 1

    def _go(self, way: str) -> None:
        optimizer = self.problem.optimizer
        options = {name: on for name, on in WAYS[way].items() if on or name in optimizer.param_groups[0]}
        if options == self._as_it_comes(options):
            raise Unavailable(f"{way} is the optimizer as it comes")
        with_options(optimizer, **options)

    def _as_it_comes(self, options: dict[str, bool]) -> dict[str, bool]:
        """What torch makes of the optimizer's options by itself: foreach on a card alone, fused nowhere."""
        own = self.problem.optimizer.param_groups[0]
        fused = bool(own.get("fused"))
        foreach = own.get("foreach")
        by_itself = self.problem.device.type == "cuda" and not fused
        known = {"foreach": by_itself if foreach is None else bool(foreach), "fused": fused}
        return {name: known[name] for name in options}
