"""Timing without luck: blocks whose length is found on minima, all rows in every round, what was disturbed again."""

import gc
import math
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from compare.measure.bench import load
from compare.measure.bench.load import Load
from compare.measure.bench.runner import Runner
from compare.sides.progress import say_nothing

BLOCK_SECONDS = 0.02  # a block is at least as long, so that reading the clock costs nothing
ENOUGH = 0.25  # of a block: so long a run tells how many calls fill one
# Calls before the clock starts: after another row's block the first ones find cold caches, and weigh the more the
# shorter the block is (1.5 ms of 20, measured: torch eager against itself left 1 by 5 % where lengths differed).
LEAD = 8
LEAST_CALLS = 3  # in a block: one alone is as long as whatever disturbs it
# At most, those that lead in among them: training on the same batches for long drives a momentum below the normal
# numbers.
STEPS_IN_A_BLOCK = 512
TRIES = 3  # runs whose shortest tells how long a call takes
BUDGET = 3  # times the rounds asked for, until a disturbed machine is given up: at once where no round is quiet
RETRIES = 4  # of a block that was disturbed, at once, beside the blocks that it is held against
FIRST = 3  # blocks of each row before any counts: the row is warm, and shows what is usual with it
SLOWER = 1.15  # times the processor seconds that a block usually takes: beyond, the processor itself was slower
SHARE = 0.9  # of the processors that a row usually keeps busy: below, something held it up
OWN_WAITS = 0.05  # of a block's time, at most: threads of the row's own that wake each other stand ready for a moment


@dataclass(frozen=True)
class Block:
    """One row in one round: wall and processor seconds of one training step, and what happened meanwhile."""

    wall: float
    processor: float
    load: Load


Round = dict[str, Block]  # each row's, by name


@dataclass(frozen=True)
class Told:
    """What of a block's load tells that something else disturbed it; what others use is counted over the round.

    Attributes:
        waits: threads that stood ready without a processor.
        processors: processor seconds, and how many were kept busy.
    """

    waits: bool = True
    processors: bool = True


EVERYTHING = Told()
ON_CARD = Told(processors=False)  # the work is a GPU's: what the processors do beside it says nothing
# A row with a thread for each processor has others beside them, which hand it its work, and they wait for each other:
# measured on two processors with nothing else on the machine, a jitted step's threads stood ready for 0.96 of its time,
# and torch's products kept 1.4 to 2 processors busy.
ALL_PROCESSORS = Told(waits=False, processors=False)


@dataclass(frozen=True)
class Timed:
    """All rounds that were kept, in order.

    Attributes:
        blocks: of each row one a round.
        repeated: blocks that were disturbed, and run again.
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
    whole = STEPS_IN_A_BLOCK // runner.steps_per_call
    most = max(1, whole - LEAD, whole // 2)  # as many lead in as a block has, up to ``LEAD``
    count = 1
    while True:
        shortest = min(block(runner, count).load.wall for _ in range(TRIES))
        wanted = math.ceil(count * BLOCK_SECONDS / shortest) if shortest > 0 else 10 * count
        if shortest >= ENOUGH * BLOCK_SECONDS or count >= most:
            return min(max(wanted, LEAST_CALLS), most)
        # By what the shortest shows, but at least twice and at most ten times as many: a first figure is rough.
        count = min(max(2 * count, min(wanted, 10 * count)), most)


def lead_in(runner: Runner, calls: int) -> None:
    """From the row's start a few calls, as many as a block has at most, which are waited for and not timed."""
    runner.restart()
    runner.call(min(LEAD, calls))
    runner.wait()


def block(runner: Runner, calls: int) -> Block:
    """``calls`` calls behind those that lead in, waited for before and after."""
    lead_in(runner, calls)
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
    told: Told = EVERYTHING,
) -> Timed:
    """Every row in every round, each round in an order of its own; what is disturbed is run again, a block at once.

    Args:
        calls: of each row in a block.
        progress: told how many rounds are done, each time that there is one more.
        told: what of a block's load tells that it was disturbed.
    """
    rng, kept, lost, repeated = np.random.default_rng(seed), list[Round](), list[tuple[Round, str]](), 0
    gc.collect()
    gc.disable()
    try:
        usual = {name: [block(runner, calls[name]).load for _ in range(FIRST)] for name, runner in runners.items()}
        while len(kept) < rounds and len(lost) < ((BUDGET - 1) if kept else 1) * rounds:
            before, one, why = load.read(), Round(), ""
            for name in rng.permutation(list(runners)):
                retries = 0 if why else RETRIES
                one[name], tries, disturbance = _undisturbed(runners[name], calls[name], usual[name], retries, told)
                why, repeated = why or (f"{name} {disturbance}" if disturbance else ""), repeated + tries
            if why := why or load.crowded(load.between(before, load.read()), load.cores()):
                lost.append((one, why))
                continue
            kept.append(one)
            for name, timed in one.items():
                usual[name].append(timed.load)
            progress(len(kept))
    finally:
        gc.enable()
    missing = rounds - len(kept)
    disturbed = f"{len(lost)} of {len(kept) + len(lost)} rounds: {lost[-1][1]}" if missing else ""
    used = [*kept, *(one for one, _ in lost[:missing])]
    repeated += len(lost) * len(runners)
    return Timed({name: [one[name] for one in used] for name in runners}, repeated, disturbed)


def _undisturbed(runner: Runner, calls: int, usual: Sequence[Load], retries: int, told: Told) -> tuple[Block, int, str]:
    """A block that nothing disturbed, or the last of so many; how often it was run again, and what held that one up."""
    again = 0
    while (why := held_up((timed := block(runner, calls)).load, usual, told)) and again < retries:
        again += 1
    return timed, again, why


def held_up(timed: Load, usual: Sequence[Load], told: Told = EVERYTHING) -> str:
    """What disturbed a block of a row, in words; empty where nothing did.

    Args:
        usual: the row's blocks before it that were not disturbed, and its first ones.
        told: what can be read of a disturbance here.
    """
    waits = [one.waited for one in usual if one.waited is not None]
    own = min([*waits, OWN_WAITS]) if waits else 0.0
    if told.waits and timed.waited is not None and timed.waited > load.WAITED + own:
        return f"stood ready without a processor for {timed.waited:.0%} of its time"
    if not told.processors:
        return ""
    seconds = float(np.median([one.own for one in usual]))
    if timed.own > SLOWER * seconds:
        return f"took {timed.own / seconds:.2f} times its usual processor time"
    processors = float(np.median([one.processors for one in usual]))
    if timed.processors < SHARE * processors:
        return f"kept {timed.processors:.2f} processors busy where it keeps {processors:.2f}"
    return ""
