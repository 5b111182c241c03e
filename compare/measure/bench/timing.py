"""Interleaved timing and what may be said of it: medians, quartiles, a ratio with its interval, and one word."""

import gc
import time
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from compare.measure.bench.variants import Runner
from compare.sides.progress import say_nothing

BLOCK_SECONDS = 0.02  # a block is at least as long, so that reading the clock costs nothing
RESAMPLES = 2000
SMALLEST = 0.03  # a difference below this, or below twice what the A/A row shows, is no difference


@dataclass(frozen=True)
class Ratio:
    """How many times as fast as the baseline, with the bootstrap's 95 % interval.

    ``word`` is FAST or SLOW where the whole interval lies beyond 3 % or twice the noise, whichever is more; SAME where
    it lies within 3 %; AMBIGUOUS otherwise. It is empty on the A/A row, which is what the noise is read from.
    """

    value: float
    low: float
    high: float
    word: str


def first_call(runner: Runner) -> float:
    """Seconds of the first call, waited for: with what compiles then."""
    start = time.perf_counter()
    runner.call(1)
    runner.wait()
    return time.perf_counter() - start


def calls_in_a_block(runner: Runner) -> int:
    """How many calls fill a block, after enough of them to be warm."""
    count = 1
    while True:
        seconds = _block(runner, count)
        if seconds >= BLOCK_SECONDS or count >= 1 << 16:
            return count
        count *= 2


def interleaved(
    runners: dict[str, Runner], rounds: int, seed: int, progress: Callable[[int], None] = say_nothing
) -> dict[str, np.ndarray]:
    """Seconds for each step, of every variant in every round; each round in an order of its own."""
    calls = {name: calls_in_a_block(runner) for name, runner in runners.items()}
    seconds: dict[str, list[float]] = {name: [] for name in runners}
    rng = np.random.default_rng(seed)
    gc.collect()
    gc.disable()
    try:
        for done in range(rounds):
            for name in rng.permutation(list(runners)):
                runner = runners[name]
                steps = calls[name] * runner.steps_per_call
                seconds[name].append(_block(runner, calls[name]) / steps)
            progress(done + 1)
    finally:
        gc.enable()
    return {name: np.array(values) for name, values in seconds.items()}


def _block(runner: Runner, calls: int) -> float:
    runner.wait()
    start = time.perf_counter()
    runner.call(calls)
    runner.wait()
    return time.perf_counter() - start


def noise(eager: np.ndarray, again: np.ndarray, seed: int = 0) -> float:
    """What the same variant timed twice differs by: the larger end of the A/A ratio's interval, from 1."""
    low, high = _interval(eager / again, seed)
    return max(abs(low - 1), abs(high - 1))


def ratio(baseline: np.ndarray, variant: np.ndarray, noise_floor: float, seed: int = 0) -> Ratio:
    """baseline / variant, round by round: above 1 the variant is faster."""
    low, high = _interval(baseline / variant, seed)
    value, threshold = float(np.median(baseline / variant)), max(SMALLEST, 2 * noise_floor)
    if low > 1 + threshold:
        word = "FAST"
    elif high < 1 / (1 + threshold):
        word = "SLOW"
    elif low >= 1 / (1 + SMALLEST) and high <= 1 + SMALLEST:
        word = "SAME"
    else:
        word = "AMBIGUOUS"
    return Ratio(value, low, high, word)


def _interval(values: np.ndarray, seed: int) -> tuple[float, float]:
    """95 % of the medians of resampled rounds (percentile bootstrap)."""
    drawn = np.random.default_rng(seed).integers(0, values.size, (RESAMPLES, values.size))
    low, high = np.percentile(np.median(values[drawn], axis=1), [2.5, 97.5])
    return float(low), float(high)


def break_even(compile_seconds: float, step: float, eager_step: float) -> float:
    """Steps after which compiling has paid for itself against eager; infinite where it never does."""
    gained = eager_step - step
    return compile_seconds / gained if gained > 0 else float("inf")
