"""What may be said of times from several processes: medians, a ratio with its interval, and one word."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

RESAMPLES = 2000
SMALLEST = 0.03  # a difference below this, or below twice what the A/A row shows, is no difference
UNPUBLISHED = 0.05  # where the same row against itself differs by more, no ratio is published

Rounds = np.ndarray  # (rounds,): of one process, seconds for a step


@dataclass(frozen=True)
class Ratio:
    """How many times as fast as the baseline, with the bootstrap's 95 % interval.

    The interval is that of what was measured: of three processes it is about their range, and holds the true value 86
    times of 100; of one it knows of no other process.

    ``word`` is FAST or SLOW where the whole interval lies beyond 3 % or twice the noise, whichever is more; SAME where
    it lies within 3 %; AMBIGUOUS otherwise. It is empty on the A/A row, which is what the noise is read from.
    """

    value: float
    low: float
    high: float
    word: str = ""


@dataclass(frozen=True)
class Spread:
    """Seconds for a step: the median of the processes' medians, and the quartiles of all rounds."""

    median: float
    lower: float
    upper: float


def spread(processes: Sequence[Rounds]) -> Spread:
    """What all processes measured of one row."""
    lower, upper = np.percentile(np.concatenate(list(processes)), [25, 75])
    return Spread(float(np.median([np.median(rounds) for rounds in processes])), float(lower), float(upper))


def ratio(baseline: Sequence[Rounds], row: Sequence[Rounds], seed: int = 0) -> Ratio:
    """baseline / row, round by round: above 1 the row is faster. Without a word."""
    paired = [one / other for one, other in zip(baseline, row, strict=True)]
    low, high = np.percentile(_resampled(paired, np.random.default_rng(seed)), [2.5, 97.5])
    return Ratio(float(np.median([np.median(rounds) for rounds in paired])), float(low), float(high))


def unpaired(baseline: Sequence[Rounds], row: Sequence[Rounds], seed: int = 0) -> Ratio:
    """baseline / row of two runs that no round has in common. Without a word."""
    rng = np.random.default_rng(seed)
    low, high = np.percentile(_resampled(baseline, rng) / _resampled(row, rng), [2.5, 97.5])
    return Ratio(spread(baseline).median / spread(row).median, float(low), float(high))


def noise(again: Ratio) -> float:
    """What the A/A row leaves 1 by: the farther end of its interval."""
    return max(abs(again.low - 1), abs(again.high - 1))


def worded(made: Ratio, noise_floor: float) -> Ratio:
    """The ratio with what may be said of it beside so much noise."""
    return replace(made, word=_word(made, noise_floor))


def _word(made: Ratio, noise_floor: float) -> str:
    threshold = max(SMALLEST, 2 * noise_floor)
    if made.low > 1 + threshold:
        return "FAST"
    if made.high < 1 / (1 + threshold):
        return "SLOW"
    if made.low >= 1 / (1 + SMALLEST) and made.high <= 1 + SMALLEST:
        return "SAME"
    return "AMBIGUOUS"


def break_even(compile_seconds: float, step: float, eager_step: float) -> float:
    """Steps after which compiling has paid for itself against eager; infinite where it never does."""
    gained = eager_step - step
    return compile_seconds / gained if gained > 0 else float("inf")


def _resampled(paired: Sequence[Rounds], rng: np.random.Generator) -> np.ndarray:
    """The hierarchical bootstrap, (RESAMPLES,): processes are drawn first, then rounds in each that was drawn. What
    one process has in common (where its memory lies, what its compiler chose) is in no other round of it less."""
    medians = [
        np.median(rounds[rng.integers(0, rounds.size, (RESAMPLES, len(paired), rounds.size))], axis=2)
        for rounds in paired
    ]
    drawn = rng.integers(0, len(paired), (RESAMPLES, len(paired)))
    by_process = np.stack(medians)  # (processes, RESAMPLES, places)
    places = np.arange(len(paired))
    chosen = by_process[drawn, np.arange(RESAMPLES)[:, None], places[None, :]]
    return np.asarray(np.median(chosen, axis=1))
