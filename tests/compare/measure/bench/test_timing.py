"""What may be said of times: computed here on times that are made up."""

import numpy as np
import pytest

from compare.measure.bench.timing import break_even, calls_in_a_block, interleaved, noise, ratio

RNG = np.random.default_rng(0)
EAGER = 1e-3 * (1 + 0.01 * RNG.standard_normal(30))


class Clockwork:
    """A runner that only counts and remembers who was called when."""

    steps_per_call = 2

    def __init__(self, name: str, log: list[str]) -> None:
        self.name, self.log, self.calls, self.waits = name, log, 0, 0

    def call(self, count: int) -> None:
        self.log.append(self.name)
        self.calls += count

    def wait(self) -> None:
        self.waits += 1

    def parameters(self) -> dict:
        return {}


@pytest.mark.parametrize(
    ("times", "word"),
    [
        (EAGER / 2, "FAST"),
        (EAGER * 2, "SLOW"),
        (EAGER * 1.001, "SAME"),
        (EAGER * (1 + 0.2 * RNG.standard_normal(30)), "AMBIGUOUS"),
    ],
)
def test_one_word_for_each_ratio(times, word):
    """Beyond the threshold, within it, or neither."""
    made = ratio(EAGER, times, noise_floor=0.01)
    assert made.word == word
    assert made.low <= made.value <= made.high
    assert made.value == pytest.approx(float(np.median(EAGER / times)))


def test_a_noisy_machine_makes_no_winner():
    """A difference below twice what the A/A row shows is not called one."""
    assert ratio(EAGER, EAGER / 1.1, noise_floor=0.01).word == "FAST"
    assert ratio(EAGER, EAGER / 1.1, noise_floor=0.10).word == "AMBIGUOUS"
    assert ratio(EAGER, EAGER / 1.5, noise_floor=0.30).word == "AMBIGUOUS"


def test_the_noise_is_that_of_the_same_thing_twice():
    """Near nothing for equal times, and as large as a drift between them."""
    assert noise(EAGER, EAGER) == 0
    assert noise(EAGER * 1.05, EAGER) == pytest.approx(0.05, rel=1e-6)


def test_every_round_times_every_variant_in_its_own_order(monkeypatch):
    """Interleaved, in changing order, waited for before and after each block."""
    monkeypatch.setattr("compare.measure.bench.timing.calls_in_a_block", lambda runner: 3)
    log: list[str] = []
    runners = {name: Clockwork(name, log) for name in "abc"}
    seconds = interleaved(runners, rounds=20, seed=0)
    rounds = [tuple(log[i : i + 3]) for i in range(0, 60, 3)]
    assert all(sorted(one) == ["a", "b", "c"] for one in rounds)
    assert len(set(rounds)) > 3
    assert {name: values.size for name, values in seconds.items()} == dict.fromkeys("abc", 20)
    assert all((runner.calls, runner.waits) == (60, 40) for runner in runners.values())


def test_a_block_is_long_enough_to_be_timed(monkeypatch):
    """Calls double until a block takes its 20 ms."""
    monkeypatch.setattr("compare.measure.bench.timing._block", lambda runner, calls: calls * 1e-3)
    assert calls_in_a_block(Clockwork("a", [])) == 32


def test_break_even_is_where_the_totals_meet():
    """10 s of compiling at 1 ms gained a step: 10,000 steps; never where nothing is gained."""
    assert break_even(10.0, 1e-3, 2e-3) == pytest.approx(10_000)
    assert break_even(10.0, 2e-3, 1e-3) == float("inf")
