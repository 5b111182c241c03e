"""How often the reference may be run in search of a cause."""

from dataclasses import dataclass

from compare.explain.doctor.thresholds import FITS, FOR_LATER, MORE, PAIRS, RUNS, SECONDS


@dataclass
class Budget:
    """How often the reference may be run: ``runs`` times, and one that is quick more often."""

    runs: int = RUNS
    count: int = 0
    fastest: float = 0.0  # seconds of computing

    @property
    def every(self) -> int:
        """All runs that may be made, as far as is known of their speed."""
        return MORE if self.runs >= RUNS and self.fastest * MORE < SECONDS else self.runs

    def left(self, kept: int = 0) -> bool:
        """Whether one more run may be made, ``kept`` of them set aside."""
        return self.count < self.every - kept

    @property
    def for_later(self) -> int:
        """What single suspects leave for numbers that are fitted and for two changes at once."""
        return min(max(PAIRS + FITS, self.every // FOR_LATER), self.every // 2)

    def spend(self, seconds: float) -> None:
        """One run that took so much computing."""
        self.fastest = min(self.fastest or seconds, seconds)
