"""The benchmark of one pair as data: every row over all processes, and what may be said of them. Knows no framework."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from compare.measure.bench.headlines import Headline
from compare.measure.bench.question import Seconds
from compare.measure.bench.ratios import Ratio, Spread
from compare.measure.bench.row_insides import StepCounts, TimeSpent
from compare.verdict.verdict import Verdict


@dataclass(frozen=True)
class BenchRow:
    """One row over all processes. Times are seconds for one training step; what was not measured is None.

    Attributes:
        reason: why it was not timed. stopped: the gates that stopped it, each with its sentence: if it was timed all
            the same, it was forced.
        marks: what must stand beside its figures.
        wall, processor: what the clock showed, and what the processors did.
        compile: the first call's seconds less a warm call's, in the first process, whose caches are empty; ``warm``:
            in those after it, which find what the first compiled; ``stages``: of the first's, what was done apart.
        against_eager: by wall time, ``by_processor`` by processor time; only where both make one step a call.
        above_floor: processor time over that of the step's own matrix products alone.
        break_even: steps after which compiling has paid for itself.
        gradient_error: of its own gradients against float64, relative.
        counts, spent: what its step is made of, and where its time goes, in the first process.
    """

    name: str
    side: str
    verdict: Verdict
    reason: str
    stopped: Mapping[str, str]
    marks: tuple[str, ...]
    steps_per_call: int
    explains: bool
    calls: int = 0
    wall: Spread | None = None
    processor: Spread | None = None
    compile: float | None = None
    stages: Mapping[str, float] = field(default_factory=dict)
    warm: float | None = None
    against_eager: Ratio | None = None
    by_processor: Ratio | None = None
    above_floor: float | None = None
    break_even: float | None = None
    gradient_error: float | None = None
    samples: tuple[tuple[Seconds, Seconds], ...] = ()
    counts: StepCounts | None = None
    spent: TimeSpent | None = None


@dataclass(frozen=True)
class Bench:
    """All rows on one pair.

    Attributes:
        batches: that lie on the device. batch: rows in each; None where they have no batch axis.
        processors: how many threads shared a product on each side.
        noise: what torch eager timed twice differs by; None where it was not timed.
        unpublished: why no ratio is published; empty where they are.
        floor: the library whose products are fastest, and its times. floors: all of them.
        repeated: disturbed blocks that were run again, of all processes, and ``blocks`` how many were kept.
        blind: nobody tells on this system what else runs: a machine that is busy all the time would look quiet.
        headlines: what may be quoted; none where no ratio is published.
    """

    pair: str
    title: str
    device: str
    precision: str
    batches: int
    batch: int | None
    threads: int
    processors: Mapping[str, float]
    processes: int
    rounds: int
    noise: float | None
    unpublished: str
    repeated: int
    floor: str
    floors: Mapping[str, Spread]
    rows: tuple[BenchRow, ...]
    headlines: tuple[Headline, ...] = ()
    seed: int = 0
    forced: bool = False
    environment: Mapping[str, object] = field(default_factory=dict)
    blocks: int = 0
    blind: bool = False
