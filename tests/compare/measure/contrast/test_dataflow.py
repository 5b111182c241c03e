"""Values, what made them of which, and what only moved them."""

import numpy as np

from compare.measure.contrast.dataflow import Dataflow, Made

X, W = np.array([[1.0, 2.0], [3.0, 4.0]]), np.array([0.5, -1.5])
VALUES = {0: X, 1: W, 2: X.T, 3: X.T @ W, 4: (X.T @ W)[None], 5: np.ones(2), 6: np.exp(X.T @ W)}
STEPS = (
    Made((0,), (2,), 0, moves=True),
    Made((2, 1), (3,), 1),
    Made((3,), (4,), 2, moves=True),
    Made((), (5,), 3),
    Made((4,), (6,), 4),
)
FLOW = Dataflow(VALUES, STEPS, (0, 1))


def test_what_was_moved_is_what_it_was_moved_from():
    """Through any number of moves; a computed value's parents are computed, or entered."""
    assert [FLOW.origin(number) for number in VALUES] == [0, 1, 0, 3, 3, 5, 6]
    assert dict(FLOW.parents) == {3: (0, 1), 5: (), 6: (3,)}


def test_constants_depend_on_nothing_that_enters():
    """A table of ones is made, and is none of the model's values."""
    assert 5 not in FLOW.moving
    assert {0, 1, 2, 3, 4, 6} == FLOW.moving
    assert dict(FLOW.maker) == {3: 1, 5: 3, 6: 4}
