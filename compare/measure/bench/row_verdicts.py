"""What is said of every row before it is timed: the judge's word, and that of the gates."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field

from compare.errors import in_one_line, swallowed
from compare.measure.bench.agreement import agreement
from compare.measure.bench.built_rows import BuiltRow, BuiltRows, Refused, Setup
from compare.measure.bench.gates.gate_table import GATES, OF_EXPLAINING, Yardstick, marks, stopped_by
from compare.measure.bench.gates.gradient_error import draws, median_error
from compare.measure.bench.gates.observation import Observed, observe
from compare.measure.bench.row_insides import StepCounts
from compare.measure.bench.rows import EAGER, JIT
from compare.measure.bench.step_counts import observed_counts
from compare.sides.progress import Progress
from compare.verdict.verdict import PASSED, Verdict

TO_FLOAT32 = "judged equal to float32: something inside one side is held in it, in float64 too"


@dataclass(frozen=True)
class RowVerdict:
    """Whether a row is timed, and what must be said of it.

    Attributes:
        verdict: of its parameters' change, held against torch eager's as any port's.
        stopped: the gates that do not let it pass, each with its sentence.
        marks: what must stand beside its figures.
        gradient_error: of its own gradients against float64, relative; None where nobody looked.
        counts: what the gates have seen of its step; None where they did not look.
        forced: it is timed whatever was said.
    """

    verdict: Verdict
    stopped: Mapping[str, str] = field(default_factory=dict)
    marks: tuple[str, ...] = ()
    gradient_error: float | None = None
    forced: bool = False
    counts: StepCounts | None = None

    @property
    def timed(self) -> bool:
        return self.forced or (self.verdict in PASSED and not self.stopped)


def row_verdicts(
    setup: Setup, rows: BuiltRows, gated: bool, forced: bool, progress: Progress, explaining: Collection[str] = ()
) -> dict[str, RowVerdict]:
    """The word on each row, by name.

    Args:
        explaining: rows that are in no ratio: what they pay for is what they are there to show.
        gated: whether the gates look. forced: whether what they stop is timed all the same.
    """
    eager = rows[EAGER]
    assert isinstance(eager, BuiltRow)  # a process whose torch eager cannot be built has ended there
    verdicts = {name: _verdict(setup, eager, row) for name, row in rows.items()}
    if not gated:
        return {name: RowVerdict(verdict, forced=forced) for name, verdict in verdicts.items()}
    seen: dict[str, Observed] = {}
    unseen: dict[str, str] = {}
    for name, row in rows.items():
        if isinstance(row, BuiltRow) and (verdicts[name] in PASSED or forced):
            progress(f"{name}: looking at what a step does")
            try:
                seen[name] = observe(row.built)
            except Exception as raised:  # one row's: the others are timed all the same
                swallowed(raised)
                unseen[name] = f"observation: a step cannot be looked into, {in_one_line(raised, 120)}"
    if EAGER not in seen:  # not even finite, say: there is nothing to hold the others against
        why = {"observation": unseen[EAGER]} if EAGER in unseen else {}
        return {
            name: RowVerdict(verdicts[EAGER], why) if name == EAGER else RowVerdict(Verdict.INCOMPLETE) for name in rows
        }
    yard = Yardstick(setup.prepared, seen[EAGER], setup.plain, seen.get(JIT), setup.precision)
    said: dict[str, RowVerdict] = {}
    for name, verdict in verdicts.items():
        if name not in seen:
            said[name] = RowVerdict(verdict, {"observation": unseen[name]} if name in unseen else {})
            continue
        progress(f"{name}: gates")
        error = median_error(draws(seen[name], setup.plain, setup.precision))
        gates = OF_EXPLAINING if name in explaining else tuple(GATES)
        stopped, counts = stopped_by(seen[name], yard, gates), observed_counts(seen[name])
        said[name] = RowVerdict(verdict, stopped, _marks(verdict, seen[name]), error, forced, counts)
    return said


def _marks(verdict: Verdict, row: Observed) -> tuple[str, ...]:
    return (*((TO_FLOAT32,) if verdict is Verdict.FLOAT32_ONLY else ()), *marks(row))


def _verdict(setup: Setup, eager: BuiltRow, row: BuiltRow | Refused) -> Verdict:
    """A row as a port of torch eager: its worst parameter."""
    if isinstance(row, Refused):
        return Verdict.INCOMPLETE
    return agreement((eager.change, row.change, eager.change_64, row.change_64), setup.precision)
