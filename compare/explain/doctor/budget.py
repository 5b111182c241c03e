"""How often the reference may be run in search of a cause."""

from dataclasses import dataclass
from math import prod

from compare.explain.calls.call import tensors_of
from compare.explain.calls.scene import Scene
from compare.explain.doctor.thresholds import BACKWARDS, FITS, FOR_LATER, MORE, PAIRS, RUNS, SMALL, WATCHED


def work_of(scene: Scene) -> float:
    """Of one run, in entries that its calls read and write: as many calls as there are up to the segment's last, each
    as large as the segment's are and ``WATCHED`` more."""
    calls = (*scene.calls, *scene.cleared)
    sizes = [prod(tensor.shape) for call in calls for tensor in tensors_of([call.args, call.kwargs, call.result])]
    until = max((call.number + 1 for call in calls), default=0)
    ways = BACKWARDS if scene.direction == "backward" else 1
    return until * (WATCHED + sum(sizes) / max(len(calls), 1)) * ways


@dataclass
class Budget:
    """How often the reference may be run: ``runs`` times, and one that computes little more often.

    ``work``: of one run, in entries of arrays (``work_of``). It is counted and not timed, so that what is named
    depends neither on the processor nor on what else it does.
    """

    runs: int = RUNS
    work: float = 0.0
    count: int = 0

    @property
    def every(self) -> int:
        """All runs that may be made."""
        return MORE if self.runs >= RUNS and self.work < SMALL else self.runs

    def left(self, kept: int = 0) -> bool:
        """Whether one more run may be made, ``kept`` of them set aside."""
        return self.count < self.every - kept

    @property
    def for_later(self) -> int:
        """What single suspects leave for numbers that are fitted and for two changes at once."""
        return min(max(PAIRS + FITS, self.every // FOR_LATER), self.every // 2)
