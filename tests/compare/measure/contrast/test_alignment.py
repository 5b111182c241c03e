"""Which value is which: equal, made of partners, in an order that both share; planted are values that mislead."""

import numpy as np

from compare.measure.contrast.alignment import aligned, groups
from compare.measure.contrast.dataflow import Dataflow, Made

RNG = np.random.default_rng(0)
X, Y = RNG.standard_normal((3, 4)), RNG.standard_normal((3, 4))


def flow(given, *steps):
    """A side: ``given`` by number, and of each step (operands, number, value)."""
    values = dict(given) | {number: value for _, number, value in steps}
    made = tuple(Made(operands, (number,), at) for at, (operands, number, _) in enumerate(steps))
    return Dataflow(values, made, tuple(given))


def test_an_equal_value_of_other_operands_is_no_partner():
    """sin(x) made of x is not the same as one that is made of y, equal though it be."""
    reference = flow({0: X, 1: Y}, ((0,), 2, np.sin(X)))
    port = flow({0: X, 1: Y}, ((1,), 2, np.sin(X)), ((0,), 3, np.sin(X).T))
    assert aligned(reference, port) == {0: 0, 1: 1, 2: 3}


def test_the_order_is_kept():
    """Of a chain that comes back to a value the first faces the first."""
    steps = (((0,), 1, -X), ((1,), 2, np.exp(X)), ((2,), 3, -X))
    found = aligned(flow({0: X}, *steps), flow({0: X}, *steps))
    assert found == {0: 0, 1: 1, 2: 2, 3: 3}
    shorter = aligned(flow({0: X}, *steps), flow({0: X}, *steps[:2]))
    assert shorter == {0: 0, 1: 1, 2: 2}


def test_each_has_one_partner():
    """Two equal branches face the two of the other side."""
    steps = (((0,), 1, np.sin(X)), ((0,), 2, np.sin(X)), ((1, 2), 3, np.sin(X) ** 2))
    assert aligned(flow({0: X}, *steps), flow({0: X}, *steps)) == {0: 0, 1: 1, 2: 2, 3: 3}


def test_few_values_need_more_of_their_operands():
    """Zeros are told by what they are made of."""
    zeros = np.zeros((3, 4))
    reference = flow({0: X, 1: Y}, ((0,), 2, np.sin(X)), ((1,), 3, np.cos(Y)), ((3,), 4, zeros))
    port = flow({0: X, 1: Y}, ((0,), 2, np.sin(X)), ((1,), 3, np.cos(Y)), ((2,), 4, zeros), ((3,), 5, zeros))
    assert aligned(reference, port)[4] == 5


def test_a_group_is_what_lies_between():
    """One fused step faces all that make its value on the other side, down to what both have."""
    soft = np.exp(X) / np.exp(X).sum()
    reference = flow({0: X}, ((0,), 1, np.sin(X)), ((0,), 2, soft), ((2,), 3, soft * 2))
    port = flow(
        {0: X}, ((0,), 1, np.sin(X)), ((0,), 2, np.exp(X)), ((2,), 3, np.exp(X).sum()), ((2, 3), 4, soft),
        ((4,), 5, soft * 2),
    )  # fmt: skip
    found = groups(reference, port, aligned(reference, port))
    assert [(one.reference, one.port, one.edge) for one in found] == [
        ((0,), (0,), (0,)), ((1,), (1, 2, 3), (0,)), ((2,), (4,), (2,)),
    ]  # fmt: skip
