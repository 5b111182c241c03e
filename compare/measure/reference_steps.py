"""The reference's training steps in several processes, each judged against those of one process.

All processes run it together, with the same weights and the same global batches, at the working precision and in
float64. The first of them then runs what one process alone does, judges by the ordinary rule, asks for the cause, and
tells the others, which wait.
"""

import hashlib
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any, TypeVar, cast

import torch.distributed as dist

from compare.arrays.arrays import wide
from compare.errors import swallowed
from compare.explain.doctor.meshes.process_suspects import Taken, named_cause
from compare.frameworks.devices import Device
from compare.pair.pair import Entering, Pair
from compare.pair.prepare import prepare
from compare.sides.quartet import Quartet
from compare.sides.reference_in_processes import ReferenceInProcesses
from compare.sides.side import STEPS, Result
from compare.verdict.precision import FLOAT32, FLOAT64
from compare.verdict.verdict import PASSED, Judgement, Verdict, worst

APART = "process {} ends with other parameters than process 0: nothing brings their gradients together"
PATIENCE = timedelta(days=7)  # of those that wait for the first; where it ends, they end at once

Told = TypeVar("Told")


@dataclass(frozen=True)
class StepInProcesses:
    """One training step: the quantity that is closest to its tolerance, or furthest beyond it."""

    step: int
    verdict: Verdict
    worst: str
    gap: float
    allowed: float


@dataclass(frozen=True)
class ReferenceTrained:
    """What became of the reference in ``processes`` processes.

    Attributes:
        cause: why it is no match, in one sentence; empty where it is one, or where nothing that is known closes it.
    """

    processes: int
    verdict: Verdict
    steps: tuple[StepInProcesses, ...]
    cause: str


def train_in_processes(pair: Pair, seed: int, steps: int, device: Device) -> ReferenceTrained:
    """Call it in every process of a group of torch's that has met; each is told the same."""
    prepared = prepare(pair, seed)
    quartet = Quartet(prepared, FLOAT32, device, device)
    entering = prepared.enter(seed, steps).at(FLOAT32)
    run = _run(quartet, entering)
    judged = _of_the_first(lambda: _judged(quartet, entering, run))
    verdict = _worst(judged)
    if verdict is not Verdict.MATCH:
        # What the model's own code lowers to float32 is rounded in another order, and is no other function.
        raised = replace(quartet, promoted=True)
        again = _run(raised, entering)
        promoted = _of_the_first(lambda: _judged(raised, entering, again))
        if _worst(promoted).severity < verdict.severity:
            quartet, run, judged, verdict = raised, again, promoted, _worst(promoted)
    apart = _apart(run[1])
    cause = APART.format(apart) if apart else ""
    if verdict not in PASSED and not cause:
        taken = _taken(quartet, entering)
        cause = _of_the_first(lambda: _cause(quartet, entering, run, taken))
    verdict = worst([verdict, Verdict.MISMATCH]) if apart else verdict
    return ReferenceTrained(dist.get_world_size(), verdict, tuple(_by_step(judged, steps)), cause)


def _of_the_first(ask: Callable[[], Told]) -> Told:
    """What the first process finds, alone, in all of them: so all go on alike."""
    waiting = dist.new_group(timeout=PATIENCE)
    told: list[Any] = [None]
    if dist.get_rank() == 0:
        with _alone():
            told = [ask()]
    dist.broadcast_object_list(told, group=waiting)
    dist.destroy_process_group(waiting)
    return cast(Told, told[0])


@contextmanager
def _alone() -> Iterator[None]:
    """This process as if it belonged to no group: what a model's or a loss's own code gathers where there is one it
    does not gather in one process, and a collective of which the others know nothing raises where it would hang."""
    every = dist.group.WORLD
    dist.group.WORLD = None
    try:
        yield
    finally:
        dist.group.WORLD = every


def _cause(quartet: Quartet, entering: Entering, run: tuple[Result, Result], taken: Taken) -> str:
    try:
        return named_cause(quartet, entering, run, taken)
    except Exception as error:  # a model that does not run so
        swallowed(error)
        return ""


def _taken(quartet: Quartet, entering: Entering) -> Taken:
    """The rows that each process takes of each batch."""
    side = ReferenceInProcesses(quartet.prepared, FLOAT64, quartet.oracle.torch)
    every: list[Any] = [None] * dist.get_world_size()
    dist.all_gather_object(every, [side.own_rows(batch.rows) for batch in entering.batches])
    return [*zip(*every, strict=True)]


def _run(quartet: Quartet, entering: Entering) -> tuple[Result, Result]:
    at_p = ReferenceInProcesses(quartet.prepared, FLOAT32, quartet.device.torch)
    at_64 = ReferenceInProcesses(quartet.prepared, FLOAT64, quartet.oracle.torch, quartet.promoted)
    return at_p.steps(entering), at_64.steps(entering)


def _judged(quartet: Quartet, entering: Entering, run: tuple[Result, Result]) -> dict[str, Judgement]:
    t, t64 = quartet.run_reference(entering, STEPS)
    return quartet.judge(t, run[0], t64, run[1])


def _worst(judged: Mapping[str, Judgement]) -> Verdict:
    return worst([one.verdict for one in judged.values()])


def _apart(run: Result) -> int:
    """The first process that ends elsewhere than the first one; 0 where none does. Buffers are each one's own."""
    own = {name: wide(array) for name, array in run.items() if "update/" in name}
    digest = hashlib.sha256(b"".join(array.tobytes() for array in own.values())).hexdigest()
    every: list[object] = [None] * dist.get_world_size()
    dist.all_gather_object(every, digest)
    return next((number for number, one in enumerate(every) if one != every[0]), 0)


def _by_step(judged: Mapping[str, Judgement], steps: int) -> list[StepInProcesses]:
    found = []
    for number in range(1, steps + 1):
        own = {name: one for name, one in judged.items() if _step_of(name, steps) == number}
        if not own:
            continue
        name = max(own, key=lambda one: (own[one].verdict.severity, _used(own[one])))
        found.append(StepInProcesses(number, own[name].verdict, name, own[name].gap, own[name].allowed))
    return found


def _step_of(name: str, steps: int) -> int:
    """The step that a quantity is of: what is there after the last is that one's."""
    first = name.split("/")[0]
    if first == "after":
        return steps
    return int(first.removeprefix("step")) if first.startswith("step") and first != "step" else 1


def _used(judgement: Judgement) -> float:
    return judgement.gap / judgement.allowed if judgement.allowed > 0 else float(judgement.gap > 0)
