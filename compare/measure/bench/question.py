"""What a process of the benchmark is asked, and what it answers: data that can be sent from one to the other.

Neither framework is imported for it.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from compare.measure.bench.row_insides import StepCounts, TimeSpent
from compare.verdict.verdict import Verdict

Seconds = tuple[float, ...]  # for a training step, one a round
EAGER = "torch eager"  # what every row is held against
AGAIN = "torch eager, again"  # the same row twice: what it differs by is noise
WIDTH, DEPTH = 128, 2  # of the project's own perceptron
JIT = "jax.jit"  # the port's step as people write it, whose program says what a step needs


@dataclass(frozen=True)
class Question:
    """What a process is asked.

    Attributes:
        pair: its name, or the path of its file. data: where the images lie, as on the command line.
        rows_of_batch: None for the pair's own. width, depth: of the perceptron, where they are not the pair's own.
        precision: a name of ``PRECISIONS``. tf32: products of float32 are computed in TF32, on both sides.
        rounds: of all rows. seed: of weights, batches and orders.
        names: the rows; empty for all that a default run has. swept: for those that a sweep over sizes has.
        patience: seconds that a busy machine is waited for.
        compiled: rows that torch's compiler makes too. sweeps: those that take long too.
        gated: whether the gates look: the first process's answer holds for all. looking: whether it also looks where a
            step's time goes.
        forced: what a gate stops is timed all the same.
        calls: in a block, of each row, as an earlier process found them.
        without: rows that are not built again: what gates stopped, and what only explains.
    """

    pair: str
    data: Path | None
    device: str
    threads: int
    rounds: int
    seed: int = 0
    rows_of_batch: int | None = None
    width: int = WIDTH
    depth: int = DEPTH
    precision: str = "float32"
    tf32: bool = False
    names: tuple[str, ...] = ()
    swept: bool = False
    patience: float = 20.0
    compiled: bool = True
    sweeps: bool = False
    gated: bool = True
    looking: bool = True
    forced: bool = False
    calls: Mapping[str, int] = field(default_factory=dict)
    without: tuple[str, ...] = ()


@dataclass(frozen=True)
class RowTimes:
    """One row in one process; what was not timed has no seconds.

    Attributes:
        verdict: of its parameters' change over the batches, held against torch eager's as any port's.
        reason: why it was not timed; empty where it was.
        stopped: the gates that did not let it pass, each with its sentence.
        marks: what must stand beside its figures.
        compiles: its framework's compiler makes a program of it. derived: its gradients are written by hand.
        captured: a CUDA graph is replayed.
        calls: in a block.
        first_call: seconds, with what compiles then or did before it; ``stages``: of what did before it, apart.
        wall, processor: seconds for a step, one a round.
        gradient_error: of its own gradients against float64, the median of several draws, relative; None unknown.
        counts, spent: what its step is made of, and where its time goes; None where nobody looked.
    """

    name: str
    side: str
    verdict: Verdict
    reason: str = ""
    stopped: Mapping[str, str] = field(default_factory=dict)
    marks: tuple[str, ...] = ()
    explains: bool = False
    compiles: bool = False
    derived: bool = False
    captured: bool = False
    steps_per_call: int = 1
    calls: int = 0
    first_call: float | None = None
    stages: Mapping[str, float] = field(default_factory=dict)
    wall: Seconds = ()
    processor: Seconds = ()
    gradient_error: float | None = None
    counts: StepCounts | None = None
    spent: TimeSpent | None = None


@dataclass(frozen=True)
class Process:
    """What one process measured.

    Attributes:
        batches: that lie on the device. batch: rows in each; None where they have no batch axis.
        processors: how many threads share a product on each side.
        floors: seconds for a step of what no step can do without, by name: (wall, processor), one a round.
        repeated: disturbed blocks that were run again.
        blind: nobody tells here what else the machine does.
        disturbed: why its figures are those of a disturbed machine; empty where they are not.
    """

    pair: str
    title: str
    device: str
    batches: int
    batch: int | None
    processors: dict[str, float]
    rows: tuple[RowTimes, ...]
    floors: Mapping[str, tuple[Seconds, Seconds]]
    repeated: int
    disturbed: str
    environment: Mapping[str, object]
    blind: bool = False

    @property
    def blocks(self) -> int:
        """How many were kept: each row's and each floor's, one a round."""
        return sum(len(row.wall) for row in self.rows) + sum(len(wall) for wall, _ in self.floors.values())
