"""What is waited for."""

from compare.measure.bench.gates.observation import Waiting
from compare.measure.bench.gates.waits import waits
from tests.compare.measure.bench.gates.made_up import observed


def test_all_that_is_left_behind_must_be_waited_for():
    """And be done; both numbers are told."""
    assert waits(observed(waiting=Waiting(9, 9, 0)), observed()) == ""
    assert "the 9 arrays that a call leaves behind, got 1 waited for" in waits(
        observed(waiting=Waiting(9, 1, 0)), observed()
    )
    assert "2 not done" in waits(observed(waiting=Waiting(9, 9, 2)), observed())


def test_a_call_must_leave_something_behind():
    """What it has kept of an earlier block is not new."""
    assert "computes nothing" in waits(observed(side="jax"), observed())


def test_a_card_must_be_synchronized():
    """Torch's calls return before it is done; on a CPU they do not."""
    lazy = Waiting(synchronized=False)
    assert waits(observed(waiting=lazy), observed()) == ""
    assert "synchronize" in waits(observed(waiting=lazy, on_card=True), observed())
