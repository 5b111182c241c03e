"""Both sides trained on the same batches in the same order, every step judged. Returns data, prints nothing.

Five runs go in lock-step: each side in float32 and in float64, and the reference once more in float32 with the rows
of every batch permuted. That last run is the same function in another order of summation: its distance from the
reference is the noise that no port can stay below, the *noise envelope*.

A step's loss and updates are judged in float64, with the tolerance that the float32 runs' own errors predict: as
training amplifies rounding, it amplifies both alike. The float32 drift is shown, not judged.

Where a loss is scaled, a step of the float64 runs is skipped where the reference skips it in float32. Where the port
does otherwise, that is a match only where the order in which its gradients are added decides it.

Where a pre-activation is nearly 0, float32 and float64 may set a ReLU gate differently; from then on the float32 runs
follow another path than their oracles, their errors grow, and with them the tolerance. So each step says what it would
have seen (``Step.sees``).
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from math import inf

import numpy as np
import torch

from compare.arrays.arrays import Arrays
from compare.arrays.images import Images
from compare.errors import UsageError
from compare.frameworks.devices import Device
from compare.measure.overflow import gradient_sums, judge_skip
from compare.measure.trainees import PortTrainee, ReferenceTrainee
from compare.measure.trajectory import Epoch, GateFlip, Step, Training, TrainingPlan
from compare.pair.by_hand import hidden_preactivation
from compare.pair.pair import Pair
from compare.pair.prepare import prepare
from compare.pair.prepared import Prepared
from compare.verdict.precision import FLOAT32, FLOAT64
from compare.verdict.thresholds import LOSSES_TOGETHER
from compare.verdict.verdict import Judgement, Verdict, judge, worst


class FiveRuns:
    """The five runs, all from the same weights."""

    def __init__(self, prepared: Prepared, weights: Arrays, device: Device) -> None:
        self.reference_32 = ReferenceTrainee(prepared, weights, FLOAT32, device)
        self.permuted_32 = ReferenceTrainee(prepared, weights, FLOAT32, device)
        self.reference_64 = ReferenceTrainee(prepared, weights, FLOAT64, device)
        self.port_32 = PortTrainee(prepared, weights, FLOAT32, device)
        self.port_64 = PortTrainee(prepared, weights, FLOAT64, device)
        self.after = self._parameters()
        self.before = self.after

    def judged(self) -> tuple["Run", ...]:
        """In the order in which the judge takes them."""
        return self.reference_32, self.port_32, self.reference_64, self.port_64

    def step(self, images: np.ndarray, labels: np.ndarray, permutation: np.ndarray) -> list[np.ndarray]:
        scale = self.reference_32.scale()
        losses = [run.step(images, labels) for run in (self.reference_32, self.port_32)]
        # What overflows in float16 does not in float64: as with dropout, the oracles follow what the reference drew.
        overflowed = fell(scale, self.reference_32.scale())
        for run in (self.reference_64, self.port_64):
            losses.append(skip(run, images, labels) if overflowed else run.step(images, labels))
        self.permuted_32.step(images[permutation], labels[permutation])
        self.before, self.after = self.after, self._parameters()
        return losses

    def scales(self) -> list[np.ndarray | None]:
        """Those of the losses to come, in the order of ``judged``; None where a loss has none."""
        return [run.scale() for run in self.judged()]

    def by_name(self) -> dict[str, "Run"]:
        """All five, as a checkpoint calls them."""
        return {
            "reference_32": self.reference_32,
            "permuted_32": self.permuted_32,
            "reference_64": self.reference_64,
            "port_32": self.port_32,
            "port_64": self.port_64,
        }

    def look(self) -> None:
        """Take note of where all stand, after something else than a step moved them."""
        self.before = self.after = self._parameters()

    def _parameters(self) -> list[Arrays]:
        return [run.parameters() for run in (*self.judged(), self.permuted_32)]


Run = ReferenceTrainee | PortTrainee
SKIP = "skip"  # the quantity of a step that one side alone skips


def skip(run: Run, images: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """A step whose gradients overflow, whatever they would be: nothing moves but the loss's scale; the loss before."""
    held = run.held()
    loss = run.step(images, labels)
    run.go_on(held)
    run.step(np.full_like(images, np.nan), labels)
    return loss


@dataclass
class Progress:
    """How far a training run has come: all that the steps after it depend on, and what was found before.

    Attributes:
        rng: the one generator, which the order of the rows comes from.
        losses: of the steps so far, in the order of ``FiveRuns.judged``; the judge looks at the last few.
    """

    rng: np.random.Generator
    runs: FiveRuns
    losses: list[list[np.ndarray]] = field(default_factory=list)
    steps: list[Step] = field(default_factory=list)
    epochs: list[Epoch] = field(default_factory=list)
    first_flip: GateFlip | None = None
    first_departure: GateFlip | None = None
    first_failure: str = ""


def _nothing(_: Progress) -> None:
    """Neither resumed nor kept."""


def train(
    pair: Pair,
    images: Images,
    device: Device,
    plan: TrainingPlan,
    progress: Callable[[int, float], None] = lambda s, a: None,
    resume: Callable[[Progress], None] = _nothing,
    keep: Callable[[Progress], None] = _nothing,
) -> Training:
    """Train ``pair`` on ``images``; ``progress`` is told each step's number and the reference's last accuracy.

    torch runs on one thread meanwhile: its idle threads spin, and on a few cores they slow XLA's and NumPy's down.

    Args:
        resume: called once before the first step; it may bring all runs to the end of an epoch of an earlier run.
        keep: called after each epoch.

    Raises:
        UsageError: there are fewer images than one batch takes.
    """
    available = len(images.train_labels)
    if not 0 < plan.batch <= available:
        raise UsageError(f"--batch {plan.batch}: expected 1 to {available} rows, as many as there are images to train")
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        rng = np.random.default_rng(plan.seed)
        assert pair.weights is not None
        weights = {name: array.astype(np.float32) for name, array in pair.weights(rng).items()}
        so_far = Progress(rng, FiveRuns(prepare(pair, plan.seed), weights, device))
        resume(so_far)
        _train(so_far, [*weights][:2], images, plan, progress, keep)
    finally:
        torch.set_num_threads(threads)
    verdict = worst([step.verdict for step in so_far.steps])
    if verdict is Verdict.MATCH and not any(step.sees for step in so_far.steps):  # as where all are gathered or skipped
        verdict = Verdict.INCOMPLETE
        so_far.first_failure = f"no step of {len(so_far.steps)} moved a parameter: expected more of them (--epochs)"
    return Training(
        data=images.name,
        device=device.name,
        plan=plan,
        verdict=verdict,
        steps=tuple(so_far.steps),
        epochs=tuple(so_far.epochs),
        drift_by_parameter=_drift_by_parameter(so_far.runs.after),
        first_flip=so_far.first_flip,
        first_departure=so_far.first_departure,
        first_failure=so_far.first_failure,
    )


def _train(
    to: Progress,
    gate_names: list[str],
    images: Images,
    plan: TrainingPlan,
    progress: Callable[[int, float], None],
    keep: Callable[[Progress], None],
) -> None:
    """The epochs that are left."""
    runs = to.runs
    for epoch in range(len(to.epochs) + 1, plan.epochs + 1):
        for rows in _rows(to.rng, len(images.train_labels), plan.batch):
            batch, labels = images.train_images[rows], images.train_labels[rows]
            gates = _preactivations(runs.after, gate_names, batch)
            scales = runs.scales()
            to.losses.append(runs.step(batch, labels, to.rng.permutation(plan.batch)))
            judged = _judged(to.losses, runs)
            skipped = [fell(*two) for two in zip(scales, runs.scales(), strict=True)]
            if skipped[0] != skipped[1] and scales[1] is not None:
                sums = gradient_sums(runs.reference_64, runs.before[1], batch, labels)
                judged[SKIP] = judge_skip(skipped[1], float(scales[1]), sums)
            step = _step(epoch, len(to.steps) + 1, to.losses[-1], judged, runs.after, gates, skipped)
            to.steps.append(step)
            to.first_flip = to.first_flip or _flip(step.step, rows, gates[0], gates[1])
            to.first_departure = to.first_departure or _flip(step.step, rows, gates[0], gates[2])
            if step.verdict is not Verdict.MATCH and not to.first_failure:
                to.first_failure = f"step {step.step}, {step.worst}: {_in_words(judged[step.worst])}"
            progress(step.step, to.epochs[-1].reference_32 if to.epochs else 0.0)
        accuracies = [run.accuracy(images.test_images, images.test_labels) for run in runs.judged()]
        to.epochs.append(Epoch(epoch, accuracies[0], accuracies[1], accuracies[2], accuracies[3]))
        keep(to)


def _rows(rng: np.random.Generator, available: int, size: int) -> Iterator[np.ndarray]:
    """The row numbers of each whole batch of one epoch, shuffled."""
    order = rng.permutation(available)
    return iter(order[: available // size * size].reshape(-1, size))


def _judged(losses: list[list[np.ndarray]], runs: FiveRuns) -> dict[str, Judgement]:
    """The step's loss, its scale and each parameter's update; updates, since parameters would hide a small step in
    their size.

    A loss is one number, and both sides' errors in one number can be small by luck: it is judged with the few before.
    """
    recent = np.array(losses[-LOSSES_TOGETHER:])
    recent = recent[(recent[:, :2] != 0).any(axis=1)]  # a loss that float32 rounds to 0 on both sides shows no error
    judged = {"loss": judge(recent[:, 0], recent[:, 1], recent[:, 2], recent[:, 3], FLOAT32)}
    t, j, t64, j64 = runs.scales()
    if t is not None and j is not None and t64 is not None and j64 is not None:
        # Powers of two, told by their exponents: one of them is no rounding of another.
        t, j, t64, j64 = (np.frexp(one)[1] for one in (t, j, t64, j64))
        judged["loss scale"] = judge(t, j, t64, j64, FLOAT32)
    for name in runs.after[0]:
        updates = [after[name] - before[name] for before, after in zip(runs.before, runs.after, strict=True)]
        judged[f"update/{name}"] = judge(updates[0], updates[1], updates[2], updates[3], FLOAT32)
    return judged


def _step(
    epoch: int,
    number: int,
    losses: list[np.ndarray],
    judged: dict[str, Judgement],
    after: list[Arrays],
    gates: list[np.ndarray],
    skipped: list[bool],
) -> Step:
    name = max(judged, key=lambda quantity: (judged[quantity].verdict.severity, _used(judged[quantity])))
    reference_32, port_32, reference_64, port_64, permuted_32 = after
    return Step(
        epoch=epoch,
        step=number,
        loss_reference=float(losses[0]),
        loss_port=float(losses[1]),
        loss_gap_64=abs(float(losses[2]) - float(losses[3])),
        verdict=worst([judgement.verdict for judgement in judged.values()]),
        worst=name,
        used=_used(judged[name]),
        sees=max((judged[other].detection_limit for other in judged if _shows(other, judged[other])), default=0.0),
        drift_32=distance(port_32, reference_32),
        drift_64=distance(port_64, reference_64),
        envelope=distance(permuted_32, reference_32),
        departure=distance(reference_32, reference_64),
        gates_32=int(np.count_nonzero((gates[0] > 0) != (gates[1] > 0))),
        gates_64=int(np.count_nonzero((gates[2] > 0) != (gates[3] > 0))),
        gates_departure=int(np.count_nonzero((gates[0] > 0) != (gates[2] > 0))),
        skipped_reference=skipped[0],
        skipped_port=skipped[1],
    )


def fell(before: np.ndarray | None, after: np.ndarray | None) -> bool:
    """Whether a loss's scale did, and so a step was skipped."""
    return before is not None and after is not None and bool(after < before)


def _shows(name: str, judgement: Judgement) -> bool:
    """Whether a quantity's detection limit says what would have shown: an update's does, but for an exact zero."""
    return name.startswith("update/") and judgement.scale > 0


def _used(judgement: Judgement) -> float:
    return judgement.gap / judgement.allowed if judgement.allowed > 0 else 0.0


def _in_words(judgement: Judgement) -> str:
    return judgement.reason or f"{judgement.verdict}, gap {judgement.gap:.1e} where {judgement.allowed:.1e} is allowed"


def distance(left: Arrays, right: Arrays) -> float:
    """|left - right| / |right|, the 2-norms taken over all parameters together; infinite for any distance from 0."""
    gap = sum(float(np.sum(np.square(left[name] - right[name]))) for name in right)
    size = sum(float(np.sum(np.square(array))) for array in right.values())
    if size == 0:
        return inf if gap else 0.0
    return float(np.sqrt(gap / size))


def _drift_by_parameter(after: list[Arrays]) -> dict[str, dict[str, float]]:
    reference_32, port_32, reference_64, port_64, permuted_32 = after
    return {
        name: {
            "float32": distance({name: port_32[name]}, {name: reference_32[name]}),
            "float64": distance({name: port_64[name]}, {name: reference_64[name]}),
            "envelope": distance({name: permuted_32[name]}, {name: reference_32[name]}),
        }
        for name in reference_32
    }


def _preactivations(after: list[Arrays], names: list[str], images: np.ndarray) -> list[np.ndarray]:
    """The first layer's pre-activations of the four judged runs on one batch, in float64."""
    flat = images.reshape(len(images), -1).astype(np.float64)
    return [hidden_preactivation(flat, run[names[0]], run[names[1]]) for run in after[:4]]


def _flip(step: int, rows: np.ndarray, left: np.ndarray, right: np.ndarray) -> GateFlip | None:
    differs = np.argwhere((left > 0) != (right > 0))
    if not len(differs):
        return None
    row, unit = (int(i) for i in differs[0])
    return GateFlip(step, int(rows[row]), unit, float(left[row, unit]), float(right[row, unit]))
