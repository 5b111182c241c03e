"""What a row's step is made of, counted: by the gates' own observation, by both compilers, by torch's dispatcher."""

import tracemalloc
from collections.abc import Callable
from dataclasses import replace

from compare.errors import swallowed
from compare.frameworks.devices import Device
from compare.frameworks.steps.torch_costs import torch_flops
from compare.frameworks.steps.torch_profile import torch_memory
from compare.frameworks.steps.xla_program import xla_flops, xla_memory, xla_program
from compare.measure.bench.gates.dispatched import operations
from compare.measure.bench.gates.observation import Observed
from compare.measure.bench.gates.work import countable, multiply_adds
from compare.measure.bench.row_insides import StepCounts
from compare.measure.bench.runner import Looked, Runner


def observed_counts(row: Observed) -> StepCounts:
    """What the gates have seen of a row."""
    made = StepCounts(graphs=row.graphs, breaks=len(row.breaks), recompiles=row.compiled)
    if row.operations is None:
        return made
    flops = 2.0 * multiply_adds(row) if countable(row) else None
    return replace(made, operations=operations(row), flops=flops)


def counted(counts: StepCounts, runner: Runner, looked: Looked, device: Device) -> StepCounts:
    """``counts`` with what a look into the row's program, and a watched call of it, show. The row is left at its mark.

    What a version of a framework does not tell stays None.
    """
    for add in (_program, _dispatched, _memory):
        runner.restart()
        try:
            counts = add(counts, runner, looked, device)
        except Exception as error:  # a figure less: the row's time stands
            swallowed(error)
    runner.restart()
    return counts


def _program(counts: StepCounts, runner: Runner, looked: Looked, device: Device) -> StepCounts:
    steps = runner.steps_per_call
    if looked.program is None:
        return counts if looked.kernels is None else replace(counts, kernels=looked.kernels / steps)
    compiled = looked.program()
    made, flops = xla_program(compiled.as_text() or ""), xla_flops(compiled)
    costed = made.times_costed(steps)
    return replace(
        counts,
        kernels=None if made.runs is None else made.runs / steps,
        flops_counted=None if flops is None or costed is None else flops / costed,
        memory=xla_memory(compiled),
    )


def _dispatched(counts: StepCounts, runner: Runner, looked: Looked, device: Device) -> StepCounts:
    if looked.side != "torch" or looked.eager is None:
        return counts
    return replace(counts, flops_counted=torch_flops(looked.eager) / runner.steps_per_call)


def _memory(counts: StepCounts, runner: Runner, looked: Looked, device: Device) -> StepCounts:
    if looked.held is None:
        return counts

    def call() -> None:
        runner.call(1)

    if looked.side == "torch":
        return replace(counts, memory=looked.held + torch_memory(call, runner.wait, device.torch))
    return replace(counts, memory=looked.held + _traced(call))


def _traced(call: Callable[[], None]) -> int:
    """Bytes that Python hands out during a call, NumPy's arrays among them, at their peak."""
    tracemalloc.start()
    try:
        call()
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
