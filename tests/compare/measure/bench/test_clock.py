"""Blocks, rounds and what disturbs them, on a clock that is made up."""

import numpy as np
import pytest

from compare.measure.bench import clock, load
from compare.measure.bench.clock import (
    ALL_PROCESSORS,
    FIRST,
    ON_CARD,
    calls_in_a_block,
    first_call,
    held_up,
    interleaved,
)
from compare.measure.bench.load import Load, Reading


class Machine:
    """A clock that runners move, and the counters beside it."""

    def __init__(self, monkeypatch) -> None:
        self.wall = self.own = self.waited = self.machine = 0.0
        monkeypatch.setattr(clock.time, "perf_counter", lambda: self.wall)
        monkeypatch.setattr(clock.time, "process_time", lambda: self.own)
        monkeypatch.setattr(load, "read", lambda: Reading(self.wall, self.own, self.waited, self.machine))
        monkeypatch.setattr(load, "cores", lambda: 2)

    def work(self, seconds: float, held_up: float = 0.0, others: float = 0.0) -> None:
        """Our own, the time that we were held up for, and what others used meanwhile."""
        self.wall, self.own = self.wall + seconds + held_up, self.own + seconds
        self.waited, self.machine = self.waited + held_up, self.machine + seconds + others


class Clockwork:
    """A runner whose calls take what it is told, one after the other, and that remembers what was asked of it."""

    steps_per_call = 2

    def __init__(self, machine: Machine, seconds=1e-3, log=None, name="", held_up=lambda call: 0.0) -> None:
        self.machine, self.seconds, self.log, self.name, self.held_up = machine, seconds, log, name, held_up
        self.calls = self.waits = self.restarts = 0

    def call(self, count: int) -> None:
        if self.log is not None:
            self.log.append(self.name)
        for _ in range(count):
            self.machine.work(self.seconds, self.held_up(self.calls))
            self.calls += 1

    def wait(self) -> None:
        self.waits += 1

    def restart(self) -> None:
        self.restarts += 1


class Returning(Clockwork):
    """A runner whose first calls after it was put back take three times as long."""

    def call(self, count: int) -> None:
        for _ in range(count):
            self.machine.work(self.seconds * (3 if self.calls < 5 else 1))
            self.calls += 1

    def restart(self) -> None:
        self.calls = 0


@pytest.fixture
def machine(monkeypatch) -> Machine:
    return Machine(monkeypatch)


def test_a_first_call_is_waited_for(machine):
    """Its seconds are those of one call."""
    runner = Clockwork(machine, 0.5)
    assert (first_call(runner), runner.calls, runner.waits) == (pytest.approx(0.5), 1, 1)


def test_a_block_is_long_enough_to_be_timed(machine):
    """20 ms of calls that take 1 ms each."""
    assert calls_in_a_block(Clockwork(machine)) == 20


def test_a_block_of_long_calls_has_several(machine):
    """A call of a tenth of a second would do by itself, and be one number."""
    assert calls_in_a_block(Clockwork(machine, 0.1)) == 3


def test_preemptions_do_not_shorten_a_block(machine):
    """The first call and a later one are held up for 30 ms: figures that do not say how long a call takes."""
    assert calls_in_a_block(Clockwork(machine, held_up=lambda call: 0.03 if call in (0, 33) else 0.0)) == 20


def test_a_block_trains_on_the_same_batches_for_so_long_only(machine):
    """Calls of a microsecond: 512 steps, not 20,000, and what leads in is among them."""
    for steps, calls in ((2, 248), (50, 5), (512, 1)):  # of a call; in a block
        runner = Clockwork(machine, 1e-6)
        runner.steps_per_call = steps
        assert calls_in_a_block(runner) == calls
        before = runner.calls
        clock.block(runner, calls)
        assert (runner.calls - before) * steps <= max(clock.STEPS_IN_A_BLOCK, 2 * steps)  # one leads in, one is timed


def test_two_runs_find_blocks_of_one_length(machine):
    """A call of 0.66 or of 0.68 ms: 31 and 30 calls. Where a block just short of its 20 ms were doubled, 30 and 60."""
    assert [calls_in_a_block(Clockwork(machine, seconds)) for seconds in (6.6e-4, 6.8e-4)] == [31, 30]


def test_every_block_starts_where_the_first_did(machine):
    """The state is put back outside of what is timed."""
    runner = Clockwork(machine)
    timed = clock.block(runner, 5)
    assert (runner.restarts, runner.waits, runner.calls) == (1, 2, 10)
    assert (timed.wall, timed.processor) == (pytest.approx(5e-4), pytest.approx(5e-4))


def test_what_a_row_pays_for_coming_back_is_not_a_step(machine):
    """Cold caches make the first calls slow: a short block would show them, a long one would not."""
    short, long = (clock.block(Returning(machine), calls) for calls in (10, 100))
    assert short.wall == long.wall == pytest.approx(5e-4)


def test_every_round_times_every_row_in_its_own_order(machine):
    """Interleaved, in changing order; the times stand under their row's name."""
    log: list[str] = []
    runners = {
        name: Clockwork(machine, seconds, log, name) for name, seconds in zip("abc", (1e-3, 2e-3, 4e-3), strict=True)
    }
    timed = interleaved(runners, dict.fromkeys("abc", 3), rounds=20, seed=0)
    counted = log[2 * 3 * FIRST :: 2]  # a block calls twice: what leads in, and what is timed
    rounds = [tuple(counted[i : i + 3]) for i in range(0, 60, 3)]
    assert all(sorted(one) == ["a", "b", "c"] for one in rounds)
    assert len(set(rounds)) > 3
    np.testing.assert_allclose(timed.wall("c"), np.full(20, 2e-3))
    np.testing.assert_allclose(timed.processor("a"), np.full(20, 5e-4))
    assert (timed.repeated, timed.disturbed) == (0, "")


def test_a_disturbed_block_is_run_again_at_once(machine):
    """Held up in the third of those that count: one block more, and the figures are those of quiet ones."""
    runner = Clockwork(machine, held_up=lambda call: 0.01 if call == (FIRST + 2) * 10 + 7 else 0.0)
    timed = interleaved({"a": runner}, {"a": 5}, rounds=3, seed=0)
    assert (timed.repeated, timed.disturbed, runner.calls) == (1, "", (FIRST + 4) * 10)
    np.testing.assert_allclose(timed.wall("a"), np.full(3, 5e-4))


def test_a_machine_that_stays_busy_is_said_to_be(machine):
    """Always held up: as many rounds as were asked for, and why none of them counts."""
    runner = Clockwork(machine, held_up=lambda call: 1e-4)
    timed = interleaved({"a": runner}, {"a": 5}, rounds=4, seed=0)
    assert len(timed.wall("a")) == 4
    assert timed.repeated == 4 * (clock.RETRIES + 1)
    assert timed.disturbed == "4 of 4 rounds: a stood ready without a processor for 9% of its time"


def test_a_round_that_is_lost_is_not_waited_for(machine):
    """Once a row of a round stays disturbed, the others of that round are not tried again."""
    runners = {name: Clockwork(machine, held_up=lambda call: 1e-4) for name in "abcd"}
    timed = interleaved(runners, dict.fromkeys("abcd", 5), rounds=3, seed=0)
    assert timed.repeated == 3 * (clock.RETRIES + 4)


def test_a_machine_that_is_quiet_now_and_then_is_waited_for(machine):
    """Others run during every second round: three are run again."""

    class Beside(Clockwork):
        def restart(self) -> None:
            super().restart()
            if self.restarts > FIRST and self.restarts % 2:
                machine.work(0.0, others=0.1)

    timed = interleaved({"a": Beside(machine)}, {"a": 5}, rounds=4, seed=0)
    assert (timed.repeated, timed.disturbed, len(timed.wall("a"))) == (3, "", 4)


def load_of(processors, waited=0.0):
    return Load(1.0, processors, waited, None)


@pytest.mark.parametrize(
    ("one", "usual", "why"),
    [
        (load_of(1.0), load_of(1.0), ""),
        (load_of(1.0, waited=None), load_of(1.0, waited=None), ""),
        (load_of(1.0, waited=0.05), load_of(1.0), "stood ready without a processor for 5% of its time"),
        (load_of(1.0, waited=0.05), load_of(1.0, waited=0.04), ""),
        (load_of(1.0, waited=0.3), load_of(1.0, waited=0.3), "stood ready without a processor for 30% of its time"),
        (load_of(0.8, waited=None), load_of(1.0, waited=None), "kept 0.80 processors busy where it keeps 1.00"),
        (Load(1.3, 1.3, 0.0, None), load_of(1.0), "took 1.30 times its usual processor time"),
        (Load(1.1, 1.1, 0.0, None), load_of(1.0), ""),
    ],
    ids=["quiet", "no counter", "waited", "its own threads", "always", "held up", "slower processor", "a little"],
)
def test_what_disturbs_a_block(one, usual, why):
    """By the kernel's counter beyond what the row's own threads make, by the processors that it usually keeps, or by
    the processor's own pace."""
    assert held_up(one, [usual] * 3) == why


def test_beside_a_card_the_processors_say_nothing():
    """What they do while it works may be anything; that they were there when they were wanted still counts."""
    assert held_up(Load(1.3, 1.3, 0.0, None), [load_of(1.0)] * 3, ON_CARD) == ""
    assert "without a processor" in held_up(load_of(1.0, waited=0.3), [load_of(1.0)] * 3, ON_CARD)


def test_threads_that_are_as_many_as_the_processors_wait_for_each_other(machine):
    """No block is held up by that; what others use all through a round still is."""
    assert held_up(load_of(1.4, waited=0.96), [load_of(1.7)] * 3, ALL_PROCESSORS) == ""
    runner = Clockwork(machine, held_up=lambda call: 1e-4)
    timed = interleaved({"a": runner}, {"a": 5}, rounds=4, seed=0, told=ALL_PROCESSORS)
    assert (timed.repeated, timed.disturbed) == (0, "")

    class Beside(Clockwork):
        def restart(self) -> None:
            super().restart()
            machine.work(0.0, others=1.0)

    timed = interleaved({"a": Beside(machine)}, {"a": 5}, rounds=4, seed=0, told=ALL_PROCESSORS)
    assert "other work kept" in timed.disturbed
