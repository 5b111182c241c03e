"""The whole step in one graph: ``torch.func`` takes the gradient as a value, and the optimizer's own rule is applied to
it in the same graph, which writes parameters and state back in place."""

import inspect
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

import torch
from torch.func import functional_call, grad_and_value

from compare.arrays.arrays import Arrays
from compare.frameworks.devices import Device
from compare.measure.bench.runner import Looked
from compare.measure.bench.runners.chunks import steps_in_a_call
from compare.measure.bench.runners.torch_compiled import CompiledRunner
from compare.measure.bench.runners.torch_problem import OnDevice, TorchProblem
from compare.measure.bench.runners.torch_recording import Recording
from compare.pair.pair import Entering
from compare.pair.prepared import Prepared
from compare.verdict.precision import Precision

Tensors = dict[str, torch.Tensor]
Masked = tuple[OnDevice, Tensors]  # a batch, and the masks that take the place of buffers, by name


class FunctionalRunner(CompiledRunner):
    """One graph for a step, or for ``steps`` of them on distinct batches."""

    def __init__(
        self,
        prepared: Prepared,
        entering: Entering,
        precision: Precision,
        device: Device,
        masked: bool = False,
        way: str = "",
        steps: int = 1,
        backend: str = "",
        options: Mapping[str, Any] | None = None,
        checked: bool = False,
    ) -> None:
        """``checked``: at every call torch looks whether the graph still fits module, optimizer and batch. Once it is
        warm it need not, as a program of JAX's that is compiled ahead of time does not."""
        super().__init__(prepared, entering, precision, device, masked, way, backend, options)
        self.steps_per_call = steps_in_a_call(len(self.problem.batches), steps)
        self.functional = Functional(self.problem, self._moving())
        self.run = self.recording.compiled(self.functional.steps, whole=True)
        self._chunks = [self._chunk(start) for start in range(0, len(self.problem.batches), self.steps_per_call)]
        self._keeping: Callable[..., Any] | None = None
        self._trust = partial(torch.compiler.set_stance, "default", skip_guard_eval_unsafe=not checked)
        self._compiled = False

    def call(self, count: int) -> None:
        if self._is_new or not self._compiled:
            count -= self._first()
        run, chunks, number = self.run, self._chunks, self.done // self.steps_per_call
        with self._trust():
            for _ in range(count):
                self.loss = run(chunks[number % len(chunks)])
                number += 1
        self.done = number * self.steps_per_call

    def gradients(self) -> Arrays:
        if self._keeping is None:
            self._keeping = Recording(*self._how).compiled(self.functional.step_and_gradients, whole=True)
        with self.kept():
            if self._is_new:
                _, grads = self.functional.step_and_gradients(*self._at(self.done))
            else:
                _, grads = self._keeping(*self._at(self.done))
            return self.problem.named({**self.functional.zeros(), **grads})

    def looked_at(self) -> Looked:
        # One graph, or torch would have refused; where its analysis began anew, the last is what runs.
        graphs, kernels = tuple(self.recording.graphs[-1:]), self.recording.kernels
        return Looked("torch", eager=self.uncompiled(), graphs=graphs, kernels=kernels, held=self.held())

    def uncompiled(self) -> Callable[[], object]:
        def steps() -> object:
            loss = self.functional.steps(self._chunks[self.done // self.steps_per_call % len(self._chunks)])
            self.done += self.steps_per_call
            return loss

        return steps

    @property
    def _is_new(self) -> bool:
        """Whether the optimizer is still to make its state, which a program of its own would do."""
        return not self._starts_at_zero and not self.problem.optimizer.state

    def _first(self) -> int:
        """The first call: compiled, and made by Python where the optimizer makes its state in it; how many it was."""
        made = 0
        if self._is_new:
            self.uncompiled()()
            made = 1
        if not self._compiled:
            with self.kept(), self.recording.listening():
                self.run(self._chunks[self.done // self.steps_per_call % len(self._chunks)])
            self._compiled = True
        return made

    def _moving(self) -> frozenset[str]:
        """The buffers that a forward pass writes into: running statistics, and no constants."""
        buffers = dict(self.problem.module.named_buffers())
        with self.kept(), torch.no_grad():
            before = {name: buffer.clone() for name, buffer in buffers.items()}
            self.problem.loss(self.problem.batches[0])
            return frozenset(name for name, buffer in buffers.items() if not torch.equal(buffer, before[name]))

    def _chunk(self, start: int) -> list[Masked]:
        return [self._at(number) for number in range(start, start + self.steps_per_call)]

    def _at(self, number: int) -> Masked:
        number %= len(self.problem.batches)
        masks: Tensors = {}
        if self.masked:
            buffers = [(f"{path}.mask", layer.mask) for path, layer in self.layers.items()]
            masks = {name: mask.to(own) for (name, own), mask in zip(buffers, self.masks[number], strict=True)}
        return self.problem.batches[number], masks


class Functional:
    """The step without ``backward()``: what a gradient is taken of is a function, and the gradient its value."""

    def __init__(self, problem: TorchProblem, moving: frozenset[str]) -> None:
        """``moving``: the buffers that a step changes."""
        self.module, self.problem = problem.module, problem
        own = dict(problem.module.named_parameters())
        self.trained = {name: parameter for name, parameter in own.items() if parameter.requires_grad}
        self.frozen = {name: parameter for name, parameter in own.items() if not parameter.requires_grad}
        self.moving = {name: buffer for name, buffer in problem.module.named_buffers() if name in moving}
        self.gradient_masks = problem.gradient_masks
        self.rule, self.update = rule_of(problem.optimizer)

    def steps(self, chunk: list[Masked]) -> torch.Tensor:
        """A step on each batch; the last loss."""
        for given, masks in chunk:
            loss, _ = self.step_and_gradients(given, masks)
        return loss

    def step_and_gradients(self, given: OnDevice, masks: Tensors) -> tuple[torch.Tensor, Tensors]:
        """One step, in place; the loss before it, and the gradient that it was taken with."""
        values = {name: parameter.detach() for name, parameter in self.trained.items()}
        grads, (loss, buffers) = grad_and_value(self.loss, has_aux=True)(values, given, masks)
        with torch.no_grad():
            for name, mask in self.gradient_masks.items():
                grads[name] = grads[name] * mask
            for name, buffer in buffers.items():
                self.moving[name].copy_(buffer)
            for name, parameter in self.trained.items():
                parameter.grad = grads[name]
            self.update(self.rule)
            for parameter in self.trained.values():
                parameter.grad = None
        return loss, grads

    def loss(self, trained: Tensors, given: OnDevice, masks: Tensors) -> tuple[torch.Tensor, Tensors]:
        """The loss as a function of the parameters, and the buffers that the forward pass changes."""
        # Copies: running statistics are written in place, which a function that is differentiated may not do to what
        # it closes over.
        buffers = {name: buffer.clone() for name, buffer in self.moving.items()}
        state = {**trained, **self.frozen, **buffers, **masks}
        outputs = functional_call(self.module, state, given.args, given.kwargs)
        return self.problem.scored(outputs, given), buffers

    def zeros(self) -> Tensors:
        """The gradients of what is frozen."""
        return {name: torch.zeros_like(parameter) for name, parameter in self.frozen.items()}


def rule_of(optimizer: torch.optim.Optimizer) -> tuple[Any, Callable[[Any], object]]:
    """The optimizer as a plain object that shares its state, and the plain function of its ``step``.

    ``Optimizer.step`` stands in wrappers that break the compiler's graph (a profiler's mark, the switch of gradients),
    and the compiler knows an ``Optimizer`` and refuses one whose gradients are set in the same graph. It traces the
    rule itself, a function of groups, state and gradients, like any other.
    """
    kind = type(optimizer)
    methods = {
        name: inspect.unwrap(member)
        for base in reversed(kind.__mro__[:-1])
        for name, member in vars(base).items()
        if inspect.isfunction(member) and not name.startswith("__")
    }
    rule = type("Rule", (), methods)()
    rule.__dict__ = optimizer.__dict__
    return rule, inspect.unwrap(kind.step)
