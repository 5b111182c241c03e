"""Timing without luck: blocks whose length is found on minima, all rows in every round, disturbed rounds again."""

import gc
import math
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np

from compare.measure.bench import load
from compare.measure.bench.load import Load
from compare.measure.bench.runner import Runner
from compare.sides.progress import say_nothing

BLOCK_SECONDS = 0.02  # a block is at least as long, so that reading the clock costs nothing
STEPS_IN_A_BLOCK = 512  # at most: training on the same batches for long drives a momentum below the normal numbers
TRIES = 5  # blocks whose shortest tells how long a call takes
BUDGET = 3  # times the rounds asked for, until a disturbed machine is given up: at once where no round is quiet
SHARE = 0.9  # of the processors that a row usually keeps busy: below, something held it up


@dataclass(frozen=True)
class Block:
    """One row in one round: wall and processor seconds of one training step, and what happened meanwhile."""

    wall: float
    processor: float
    load: Load


@dataclass(frozen=True)
class Timed:
    """All rounds that were kept, in order.

    Attributes:
        blocks: of each row one a round.
        repeated: rounds that were disturbed, and run again.
        disturbed: why the rounds kept are disturbed too, in words; empty where they are not.
    """

    blocks: dict[str, list[Block]]
    repeated: int
    disturbed: str

    def wall(self, name: str) -> np.ndarray:
        """Seconds for a step, (rounds,)."""
        return np.array([block.wall for block in self.blocks[name]])

    def processor(self, name: str) -> np.ndarray:
        """Processor seconds for a step, (rounds,)."""
        return np.array([block.processor for block in self.blocks[name]])


def first_call(runner: Runner) -> float:
    """Seconds of the first call, waited for: with what compiles then."""
    start = time.perf_counter()
    runner.call(1)
    runner.wait()
    return time.perf_counter() - start


def calls_in_a_block(runner: Runner) -> int:
    """How many calls fill a block, judged by the shortest of a few: one that was held up says nothing of a call."""
    most = max(1, STEPS_IN_A_BLOCK // runner.steps_per_call)
    count = 1
    while True:
        shortest = min(block(runner, count).load.wall for _ in range(TRIES))
        if shortest >= BLOCK_SECONDS or count >= most:
            return min(count, most)
        # By what the shortest shows, but at least twice and at most ten times as many: a first figure is rough.
        wanted = math.ceil(count * BLOCK_SECONDS / shortest) if shortest > 0 else 10 * count
        count = min(max(2 * count, min(wanted, 10 * count)), most)


def block(runner: Runner, calls: int) -> Block:
    """``calls`` calls from the row's start, waited for before and after."""
    runner.restart()
    runner.wait()
    before = load.read()
    start, used = time.perf_counter(), time.process_time()
    runner.call(calls)
    runner.wait()
    wall, processor = time.perf_counter() - start, time.process_time() - used
    happened = load.between(before, load.read())
    steps = calls * runner.steps_per_call
    return Block(wall / steps, processor / steps, Load(wall, processor, happened.waited, happened.others))


def interleaved(
    runners: Mapping[str, Runner],
    calls: Mapping[str, int],
    rounds: int,
    seed: int,
    progress: Callable[[int], None] = say_nothing,
) -> Timed:
    """Every row in every round, each round in an order of its own; a disturbed round is run again.

    Args:
        calls: of each row in a block.
        progress: told how many rounds are done, each time that there is one more.
    """
    rng, kept, lost = np.random.default_rng(seed), list[dict[str, Block]](), list[tuple[dict[str, Block], str]]()
    gc.collect()
    gc.disable()
    try:
        while len(kept) < rounds and len(lost) < ((BUDGET - 1) if kept else 1) * rounds:
            before = load.read()
            one = {name: block(runners[name], calls[name]) for name in rng.permutation(list(runners))}
            if why := disturbance(one, kept, load.between(before, load.read())):
                lost.append((one, why))
            else:
                kept.append(one)
                progress(len(kept))
    finally:
        gc.enable()
    missing = rounds - len(kept)
    disturbed = f"{len(lost)} of {len(kept) + len(lost)} rounds: {lost[-1][1]}" if missing else ""
    used = [*kept, *(one for one, _ in lost[:missing])]
    return Timed({name: [one[name] for one in used] for name in runners}, len(lost), disturbed)


def disturbance(one: Mapping[str, Block], kept: list[dict[str, Block]], whole: Load) -> str:
    """What disturbed a round, in words; empty where nothing did.

    Args:
        kept: the undisturbed rounds before it: what each row usually keeps busy.
        whole: the load over all of it: the machine's own counter is too coarse for a block.
    """
    if why := load.crowded(whole, load.cores()):
        return why
    for name, timed in one.items():
        if timed.load.waited is not None and timed.load.waited > load.WAITED:
            return f"{name} stood ready without a processor for {timed.load.waited:.0%} of its time"
        usual = float(np.median([before[name].load.processors for before in kept])) if kept else 0.0
        if timed.load.processors < SHARE * usual:
            return f"{name} kept {timed.load.processors:.2f} processors busy where it keeps {usual:.2f}"
    return ""
