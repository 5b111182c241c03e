"""What may be said of times: computed here on times that are made up."""

import numpy as np
import pytest

from compare.measure.bench.ratios import Ratio, break_even, noise, ratio, spread, unpaired, worded

RNG = np.random.default_rng(0)
EAGER = [1e-3 * (1 + 0.01 * RNG.standard_normal(30)) for _ in range(3)]


def scaled(factors):
    """Times of a row that is so many times as fast, one factor a process."""
    return [eager / factor for eager, factor in zip(EAGER, factors, strict=True)]


@pytest.mark.parametrize(
    ("times", "said"),
    [
        (scaled((2, 2, 2)), "FAST"),
        (scaled((0.5, 0.5, 0.5)), "SLOW"),
        (scaled((1, 1.001, 1)), "SAME"),
        ([eager * (1 + 0.2 * RNG.standard_normal(30)) for eager in EAGER], "AMBIGUOUS"),
        (scaled((0.8, 1.0, 1.5)), "AMBIGUOUS"),
    ],
    ids=["FAST", "SLOW", "SAME", "rounds differ", "processes differ"],
)
def test_one_word_for_each_ratio(times, said):
    """Beyond the threshold, within it, or neither."""
    made = ratio(EAGER, times)
    assert made.low <= made.value <= made.high
    assert worded(made, noise_floor=0.01).word == said


def test_a_process_that_differs_widens_the_interval():
    """Thirty quiet rounds in each do not make three processes one: it reaches from one to the other."""
    made = ratio(EAGER, scaled((1.2, 1.4, 1.6)))
    assert made.value == pytest.approx(1.4)
    assert made.low < 1.21
    assert made.high > 1.59


def test_the_interval_is_as_wide_as_it_should_be():
    """Drawn anew a hundred times, from a known ratio with noise between processes and rounds, it holds the truth at
    least as often as in 85 of them: of three processes nobody can say more."""
    rng, held = np.random.default_rng(1), 0
    for draw in range(100):
        made = [np.exp(rng.normal(np.log(1.3), 0.02) + 0.01 * rng.standard_normal(20)) for _ in range(5)]
        found = ratio([np.ones(20)] * 5, [1 / one for one in made], seed=draw)
        held += found.low <= 1.3 <= found.high
    assert held >= 85


def test_two_runs_share_no_round():
    """The second of them twice as fast, each with noise of its own; 1 where nothing changed."""
    rng = np.random.default_rng(2)
    before, after = ([step * (1 + 0.01 * rng.standard_normal(20)) for _ in range(3)] for step in (2.0, 1.0))
    found = unpaired(before, after)
    assert found.value == pytest.approx(2.0, rel=0.02)
    assert 1.9 < found.low < 2.0 < found.high < 2.1
    assert unpaired(before, before).low < 1 < unpaired(before, before).high


def test_a_noisy_machine_makes_no_winner():
    """A difference below twice what the A/A row shows is not called one."""
    assert worded(Ratio(1.1, 1.09, 1.11), 0.01).word == "FAST"
    assert worded(Ratio(1.1, 1.09, 1.11), 0.10).word == "AMBIGUOUS"
    assert worded(Ratio(1.5, 1.4, 1.6), 0.30).word == "AMBIGUOUS"


def test_the_noise_is_that_of_the_same_thing_twice():
    """Nothing for equal times, and as large as a drift between them in one process."""
    assert noise(ratio(EAGER, EAGER)) == 0
    assert noise(ratio(EAGER, scaled((1, 1, 1.05)))) == pytest.approx(0.05, rel=1e-6)


def test_a_spread_is_that_of_all_processes():
    """The median of medians; the quartiles of every round there is."""
    made = spread([np.array([1.0, 2.0, 3.0]), np.array([11.0, 12.0, 13.0]), np.array([2.0, 3.0, 4.0])])
    assert (made.median, made.lower, made.upper) == (3.0, 2.0, 11.0)


def test_break_even_is_where_the_totals_meet():
    """10 s of compiling at 1 ms gained a step: 10,000 steps; never where nothing is gained."""
    assert break_even(10.0, 1e-3, 2e-3) == pytest.approx(10_000)
    assert break_even(10.0, 2e-3, 1e-3) == float("inf")
