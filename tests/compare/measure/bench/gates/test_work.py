"""Multiply-adds of two steps, held against each other."""

from compare.frameworks.steps.step_operation import Operation
from compare.measure.bench.gates.work import countable, multiply_adds, work
from tests.compare.measure.bench.gates.made_up import observed, product

PLAIN = observed("torch eager", operations=(product(), product(200)))


def row(*operations, **known):
    return observed(operations=operations, **known)


def test_the_same_work_passes():
    """In other pieces, in a loop, and with K steps in a call."""
    assert work(row(product(300)), PLAIN) == ""
    assert work(row(product(50, times=6)), PLAIN) == ""
    assert work(row(product(600, times=4), steps_per_call=8), PLAIN) == ""


def test_less_and_more_are_told_with_both_numbers():
    """A step that leaves a product out, and a strawman."""
    less, more = work(row(product(200)), PLAIN), work(row(product(450)), PLAIN)
    assert "300" in less
    assert "got 200, 0.67 times" in less
    assert "got 450, 1.50 times" in more


def test_what_a_side_provably_omits_is_no_difference():
    """The gradient by an input, which eager computes and nobody reads."""
    dead = observed("torch eager", operations=(product(), product(200), product(0, unneeded=100, needed=False)))
    assert work(row(product(300)), dead) == ""


def test_more_than_half_that_nothing_needs_is_a_strawman():
    """A compiler would win by leaving it out."""
    dead = observed("torch eager", operations=(product(300), product(0, unneeded=200, needed=False)))
    assert "200 more in torch eager whose results nothing needs" in work(row(product(300)), dead)


def test_work_made_twice_is_told_of_either_side():
    """Unless both write it so."""
    twice = observed("torch eager", operations=(product(300), product(300, again=True, kept_again=True)))
    assert "torch eager makes a second time" in work(row(product(300)), twice)
    assert "row makes a second time" in work(row(product(300), product(300, again=True, kept_again=True)), PLAIN)
    assert work(row(product(300), product(300, again=True)), PLAIN) == ""  # XLA leaves it out
    assert work(row(product(300), product(300, again=True)), twice) == ""


def test_what_cannot_be_counted_is_not_judged():
    """A kernel of somebody's own."""
    kernel = row(product(100), Operation("pallas_call", uncountable=True))
    assert not countable(kernel)
    assert work(kernel, PLAIN) == ""
    assert work(observed(operations=None), PLAIN) == ""


def test_a_step_counts_what_is_needed_once():
    """Of a call of several."""
    assert multiply_adds(row(product(100, times=8), product(800, again=True), steps_per_call=8)) == 100
