"""What a block of calls is covered by, on events by hand."""

import pytest

from compare.frameworks.steps.step_event import CALLING, WAITING, Covered, Event, covered

MARKS = [Event(CALLING, 1.0, 5.0), Event(WAITING, 5.0, 9.0), Event(CALLING, 0.0, 100.0, on_card=True)]


def parts(*kernels):
    return covered([*MARKS, *kernels], lambda one: one.name in "kp", lambda one: one.name == "p")


def test_what_runs_twice_at_once_is_covered_once():
    """On several threads, one in another, over the end of the calls, and beyond the block."""
    found = parts(
        Event("k", 0.5, 2.0), Event("k", 1.5, 3.0), Event("k", 1.6, 1.7), Event("p", 4.5, 6.0), Event("k", 8.5, 20.0)
    )
    assert found == Covered(kernels=4.0, products=1.5, dispatch=1.5, gaps=2.5)
    assert found.whole == 8.0


def test_where_nothing_runs_all_is_the_host_s():
    """Until the calls return; what they wait for afterwards are gaps."""
    assert parts() == Covered(0.0, 0.0, 4.0, 4.0)


def test_a_block_that_is_not_marked_is_refused():
    """Its ends would be guessed."""
    with pytest.raises(ValueError, match="where the calls began"):
        covered([Event("k", 0.0, 1.0)], lambda one: True, lambda one: False)
