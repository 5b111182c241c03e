"""What a kept array costs, and whether it is a copy, or kept on both sides."""

import numpy as np

from compare.measure.contrast.kept_arrays import Held, Kept, copied, on_both
from compare.measure.contrast.values_alike import Contents

RNG = np.random.default_rng(0)
X, Y = RNG.standard_normal((3, 4)), RNG.standard_normal((3, 4))


def test_only_what_lives_because_of_it_is_counted():
    """No parameter's memory, nor what another row has or is made again; a copy is its own, and counted apart."""
    plain, alias, listed, again, copy = (
        Kept("a", (3, 4), "float32", 48, **more)
        for more in ({}, {"same_as": "w"}, {"earlier": 0}, {"again": True}, {"copy_of": "x"})
    )
    assert [one.own_bytes for one in (plain, alias, listed, again, copy)] == [48, 0, 0, 0, 48]
    assert [one.copied_bytes for one in (plain, alias, copy)] == [0, 0, 48]


def test_a_copy_is_known_in_any_layout():
    """But one number over and over is nobody's copy."""
    entered = {"zeros": Contents(np.zeros((3, 4))), "x": Contents(X)}
    assert copied(Contents(X.T), entered) == "x"
    assert copied(Contents(np.zeros((3, 4))), entered) == ""
    assert copied(Contents(Y), entered) == ""


def test_what_both_keep():
    """To float32, in any layout."""
    mine = [Held(Kept("a", (), "", 0), Contents(X)), Held(Kept("b", (), "", 0, again=True), None)]
    others = [Held(Kept("c", (), "", 0), Contents(X.T.astype(np.float32)))]
    assert [one.both for one in on_both(mine, others)] == [True, False]
    assert [one.both for one in on_both(others, mine)] == [True]


def test_what_a_loop_stacks_is_kept_row_by_row():
    """A tape that keeps the rows keeps what a scan keeps in one array; one row alone is not all of it."""
    rows = [Held(Kept("a", (), "", 0), Contents(one)) for one in (X, Y)]
    stack = [Held(Kept("s", (), "", 0), Contents(np.stack([X, Y])))]
    assert [one.both for one in on_both(rows, stack)] == [True, True]
    assert [one.both for one in on_both(stack, rows)] == [True]
    assert [one.both for one in on_both(stack, rows[:1])] == [False]
