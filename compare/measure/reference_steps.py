"""The reference's training steps in several processes, each judged against those of one process.

All processes run it together, with the same weights and the same global batches. Each is a side of its own, at the
working precision and in float64; one process alone is the other side, and the judge's rule is the ordinary one.
"""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, replace

import torch.distributed as dist

from compare.arrays.arrays import wide
from compare.errors import UsageError, swallowed
from compare.explain.doctor.meshes.process_suspects import named_cause
from compare.frameworks.devices import Device
from compare.pair.pair import Entering, Pair
from compare.pair.prepare import prepare
from compare.sides.quartet import Quartet
from compare.sides.reference_in_processes import ReferenceInProcesses
from compare.sides.side import STEPS, Result
from compare.verdict.counted import counted
from compare.verdict.precision import FLOAT32, FLOAT64
from compare.verdict.verdict import Judgement, Verdict, worst

APART = "process {} ends with other parameters than process 0: nothing brings their gradients together"


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
    """Call it in every process of a group of torch's that has met."""
    prepared = prepare(pair, seed)
    quartet = Quartet(prepared, FLOAT32, device, device)
    entering = prepared.enter(seed, steps).at(FLOAT32)
    check_rows(pair.name, entering, dist.get_world_size())
    run = _run(quartet, entering)
    judged = _judged(quartet, entering, run)
    if worst([*map(_verdict, judged.values())]) is not Verdict.MATCH:
        # What the model's own code lowers to float32 is rounded in another order, and is no other function.
        raised = replace(quartet, promoted=True)
        again = _run(raised, entering)
        promoted = _judged(raised, entering, again)
        if worst([*map(_verdict, promoted.values())]).severity < worst([*map(_verdict, judged.values())]).severity:
            quartet, run, judged = raised, again, promoted
    verdict, apart = worst([*map(_verdict, judged.values())]), _apart(run[1])
    cause = APART.format(apart) if apart else ""
    if verdict is not Verdict.MATCH and not cause:
        try:
            cause = named_cause(quartet, entering, run, dist.get_world_size())
        except Exception as error:  # a model that does not run so
            swallowed(error)
    verdict = worst([verdict, Verdict.MISMATCH]) if apart else verdict
    return ReferenceTrained(dist.get_world_size(), verdict, tuple(_by_step(judged, steps)), cause)


def check_rows(name: str, entering: Entering, processes: int) -> None:
    """A mean over no rows is none, and what comes of it says nothing of the model.

    Raises:
        UsageError: a process has no rows of a batch.
    """
    for rows in filter(None, (batch.rows for batch in entering.batches)):  # where nothing has rows, all run the same
        idle = next((number for number in range(processes) if number * -(-rows // processes) >= rows), None)
        if idle is not None:
            raise UsageError(
                f"pair {name}: a batch of {counted(rows, 'row')} leaves process {idle} of {processes} without any: "
                "expected fewer processes, or more rows"
            )


def _run(quartet: Quartet, entering: Entering) -> tuple[Result, Result]:
    at_p = ReferenceInProcesses(quartet.prepared, FLOAT32, quartet.device.torch)
    at_64 = ReferenceInProcesses(quartet.prepared, FLOAT64, quartet.oracle.torch, quartet.promoted)
    return at_p.steps(entering), at_64.steps(entering)


def _judged(quartet: Quartet, entering: Entering, run: tuple[Result, Result]) -> dict[str, Judgement]:
    t, t64 = quartet.run_reference(entering, STEPS)
    return quartet.judge(t, run[0], t64, run[1])


def _verdict(judgement: Judgement) -> Verdict:
    return judgement.verdict


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
