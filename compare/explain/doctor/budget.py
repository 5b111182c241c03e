"""How often the reference may be run in search of a cause."""

from dataclasses import dataclass

from compare.explain.doctor.thresholds import FITS, FOR_LATER, MORE, PAIRS, RUNS, SMALL


@dataclass
class Budget:
    """How often the reference may be run: ``runs`` times, and one that computes little more often.

    ``work``: of one run, in entries of arrays (``Scene.work``). It is counted and not timed, so that what is named
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
