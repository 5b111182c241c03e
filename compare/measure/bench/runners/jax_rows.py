"""JAX: a pure step whose results are bound again, op by op or compiled, one call at a time or many steps in one."""

import time
from collections.abc import Callable
from functools import cache
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax.extend.core import jaxpr_as_fun
from jax.stages import Compiled

from compare.arrays.arrays import Arrays
from compare.frameworks.devices import Device
from compare.measure.bench.runner import Looked
from compare.measure.bench.runners.chunks import STEPS, steps_in_a_call
from compare.measure.bench.runners.jax_problem import Carried, JaxProblem, OnDevice
from compare.pair.pair import Entering
from compare.pair.prepared import Prepared
from compare.verdict.precision import Precision

Step = Callable[[Carried, OnDevice], tuple[Carried, jax.Array]]


def donating(step: Step) -> Any:
    """Old parameters and state may be overwritten, as torch's optimizer overwrites them."""
    return jax.jit(step, donate_argnums=0)


class JitRunner:
    """One compiled step a call. ``kind`` is how the parameters are kept."""

    steps_per_call = 1
    compiles = True

    def __init__(
        self,
        prepared: Prepared,
        entering: Entering,
        precision: Precision,
        device: Device,
        masked: bool = False,
        kind: type[JaxProblem] = JaxProblem,
    ) -> None:
        self.problem = kind(prepared, entering, precision, device, masked)
        self.done, self.loss = 0, np.zeros(())
        with self.problem.x64():
            self.carried = self.problem.start()
            self.batches = self._resident(self.problem.batches)
            self.step = self._compiled(self._steps)
        self._keeping: Any = None
        self.mark()

    def call(self, count: int) -> None:
        step, batches, carried, loss = self.step, self.batches, self.carried, self.loss
        number, many = self.done // self.steps_per_call, len(batches)
        with self.problem.x64():
            for _ in range(count):
                carried, loss = step(carried, batches[number % many])
                number += 1
        self.carried, self.loss, self.done = carried, loss, number * self.steps_per_call

    def wait(self) -> None:
        jax.block_until_ready((self.carried, self.loss))

    def mark(self) -> None:
        self._marked, self._done = self._copy(), self.done

    def restart(self) -> None:
        self.carried = self._marked
        self.carried, self.done = self._copy(), self._done  # a step may overwrite what it is given
        self.wait()

    def parameters(self) -> Arrays:
        with self.problem.x64():
            return self.problem.parameters(self.carried.params)

    def gradients(self) -> Arrays:
        with self.problem.x64():
            if self._keeping is None:
                self._keeping = self._compiled_alike(self.problem.step_and_gradients)
            _, _, grads = self._keeping(self._copy(), self._next_batch())
            return self.problem.gradients(grads)

    def looked_at(self) -> Looked:
        with self.problem.x64():
            traced = jax.jit(self._steps).trace(self.carried, self._next())
        return Looked("jax", jaxpr=traced.jaxpr, program=cache(self._program) if self.compiles else None)

    def _program(self) -> Compiled:
        """What runs."""
        with self.problem.x64():
            program: Compiled = self.step.lower(self.carried, self._next()).compile()
            return program

    def _steps(self, carried: Carried, given: OnDevice) -> tuple[Carried, jax.Array]:
        """What one call makes."""
        return self.problem.step(carried, given)

    def _resident(self, batches: list[OnDevice]) -> list[OnDevice]:
        return batches

    def _compiled(self, step: Step) -> Any:
        return donating(step)

    def _compiled_alike(self, step: Callable[..., Any]) -> Any:
        """Another function in the way of this row: the step with its gradient."""
        return jax.jit(step)

    def _next(self) -> OnDevice:
        return self.batches[self.done // self.steps_per_call % len(self.batches)]

    def _next_batch(self) -> OnDevice:
        return self._next()

    def _copy(self) -> Carried:
        with self.problem.x64():
            return jax.tree.map(jnp.copy, self.carried)


class OpByOpRunner(JitRunner):
    """Every operation compiled and called alone: what ``jit`` removes."""

    compiles = False

    def _compiled(self, step: Step) -> Any:
        return step if not self.problem.masked else self._by_operation(step)

    def _compiled_alike(self, step: Callable[..., Any]) -> Any:
        return self._compiled(step)

    def _by_operation(self, step: Callable[..., Any]) -> Any:
        """The step's operations in order, from its trace: where masks are given, every operation of a step that Python
        goes through would be compiled anew at every call."""
        traced = jax.jit(step).trace(self.carried, self._next())
        structure = jax.tree.structure(traced.out_info)
        operations = jaxpr_as_fun(traced.jaxpr)

        def run(carried: Carried, given: OnDevice) -> Any:
            return jax.tree.unflatten(structure, operations(*jax.tree.leaves((carried, given))))

        return run


class AheadOfTimeRunner(JitRunner):
    """The step traced, lowered and compiled before the first call, which then looks nothing up.

    Attributes:
        stages: seconds of each.
    """

    def _compiled(self, step: Step) -> Any:
        start = time.perf_counter()
        traced = donating(step).trace(self.carried, self._next())
        then = time.perf_counter()
        lowered = traced.lower()
        low = time.perf_counter()
        program = lowered.compile()
        end = time.perf_counter()
        self.stages = {"trace": then - start, "lower": low - then, "compile": end - low}
        return program

    def _program(self) -> Compiled:
        program: Compiled = self.step
        return program


class ScanRunner(JitRunner):
    """``lax.scan`` over distinct batches: many steps in one call."""

    steps = STEPS

    def _resident(self, batches: list[OnDevice]) -> list[OnDevice]:
        self.steps_per_call = size = steps_in_a_call(len(batches), self.steps)
        chunks = [batches[start : start + size] for start in range(0, len(batches), size)]
        return [jax.tree.map(lambda *arrays: jnp.stack(arrays), *chunk) for chunk in chunks]

    def _steps(self, carried: Carried, given: OnDevice) -> tuple[Carried, jax.Array]:
        return jax.lax.scan(self.problem.step, carried, given)

    def _next_batch(self) -> OnDevice:
        place = self.done % self.steps_per_call
        return jax.tree.map(lambda stacked: stacked[place], self._next())
