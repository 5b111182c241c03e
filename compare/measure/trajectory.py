"""A training run as data: what was planned, and what was found at every step."""

from dataclasses import dataclass

from compare.verdict.verdict import Verdict


@dataclass(frozen=True)
class TrainingPlan:
    """How long to train, and on what: ``epochs`` passes in batches of ``batch`` rows, the last partial one left out."""

    epochs: int = 15
    batch: int = 64
    seed: int = 0

    def steps(self, rows: int) -> int:
        return self.epochs * (rows // self.batch)


@dataclass(frozen=True)
class Step:
    """One training step of all runs. Drifts are distances between two runs' parameters over the parameters' size.

    Attributes:
        loss_reference, loss_port: in float32, before the step.
        worst: the name of the judged quantity closest to its tolerance, or furthest beyond it.
        used: its gap as a share of what is allowed; above 1 it is no match.
        sees: the largest relative difference of an update that would have passed as a match.
        drift_32, drift_64: port against reference, in each precision.
        envelope: the reference with permuted rows against the reference, in float32.
        departure: the reference in float32 against its own oracle.
        gates_32, gates_64: ReLU gates, of all rows and units of this batch, that are open on one side only.
        gates_departure: those that the reference in float32 and its oracle set differently.
        skipped_reference, skipped_port: in float32 a gradient of the scaled loss was not finite, and nothing moved.
    """

    epoch: int
    step: int
    loss_reference: float
    loss_port: float
    loss_gap_64: float
    verdict: Verdict
    worst: str
    used: float
    sees: float
    drift_32: float
    drift_64: float
    envelope: float
    departure: float
    gates_32: int
    gates_64: int
    gates_departure: int
    skipped_reference: bool = False
    skipped_port: bool = False


@dataclass(frozen=True)
class Epoch:
    """The share of test images classified correctly after an epoch, by each run."""

    epoch: int
    reference_32: float
    port_32: float
    reference_64: float
    port_64: float


@dataclass(frozen=True)
class GateFlip:
    """The first ReLU gate that two runs set differently: one image, one hidden unit, its two pre-activations."""

    step: int
    image: int
    unit: int
    left: float
    right: float


@dataclass(frozen=True)
class Training:
    """A whole training run, judged."""

    data: str
    device: str
    plan: TrainingPlan
    verdict: Verdict
    steps: tuple[Step, ...]
    epochs: tuple[Epoch, ...]
    drift_by_parameter: dict[str, dict[str, float]]
    first_flip: GateFlip | None
    first_departure: GateFlip | None
    first_failure: str
