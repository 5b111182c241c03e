"""Which lines change the order inside an axis, and which only what a framework stores in another form."""

import pytest

from compare.arrays.views import AS_IS, View, reshaped, transposed
from compare.weights.entry import Entry
from compare.weights.own.factor_orders import factor_orders

FLATTEN = View((("reshape", (10, 8, 36)), ("transpose", (2, 1, 0))))
HEADS = View((("reshape", (3, 4, 12)), ("transpose", (2, 0, 1))))
EXCHANGED = View((("reshape", (3, 4, 12)), ("transpose", (2, 1, 0))))
GATE = View((("reshape", (4, 5, 7)), ("index", (0, 2)), ("transpose", (1, 0))))
GROUPS = View((("reshape", (2, 3, 5, 4, 4)), ("transpose", (3, 4, 1, 0, 2))))


@pytest.mark.parametrize(
    ("what", "entry", "shape", "leaf", "orders"),
    [
        ("a flatten order", Entry("w", "params/k", FLATTEN, reshaped(36, 8, 10)), (10, 288), (288, 10),
         [(0, (8, 36), (36, 8))]),
        ("its factors as axes", Entry("w", "params/k", FLATTEN, reshaped(36, 8, 10)), (10, 288), (6, 6, 8, 10),
         [(0, (8, 36), (36, 8))]),
        ("heads and widths exchanged", Entry("w", "params/k", EXCHANGED, reshaped(12, 4, 3)), (12, 12), (12, 12),
         [(1, (3, 4), (4, 3))]),
        ("patches flattened in another order",
         Entry("w", "params/k", transposed(2, 3, 1, 0), reshaped(4, 4, 3, 7)), (7, 3, 4, 4), (48, 7),
         [(0, (3, 4, 4), (4, 4, 3))]),
        ("a transposed kernel", Entry("w", "params/k", transposed(1, 0)), (4, 6), (6, 4), []),
        ("a convolution's", Entry("w", "params/k", transposed(2, 3, 1, 0)), (8, 3, 5, 5), (5, 5, 3, 8), []),
        ("heads with an axis of their own", Entry("w", "params/k", HEADS), (12, 12), (12, 3, 4), []),
        ("a gate of packed ones", Entry("w", "params/k", GATE),
         (20, 7), (7, 5), []),
        ("a grouped transposed convolution's", Entry("w", "params/k", GROUPS, reshaped(4, 4, 3, 2, 5)), (6, 5, 4, 4),
         (4, 4, 3, 10), []),
        ("a complex one", Entry("w", "params/k", View((("parts", ()), ("index", (2, 0)))), AS_IS), (4, 6), (4, 6), []),
    ],
)  # fmt: skip
def test_the_orders_of_a_line(what, entry, shape, leaf, orders):
    found = [(one.axis, one.reference, one.port) for one in factor_orders([entry], {"w": shape}, {"params/k": leaf})]
    assert found == orders


def test_the_words_are_the_maps_where_it_has_them():
    named = Entry("w", "params/k", FLATTEN, reshaped(36, 8, 10), flattened=("(C, H, W)", "(H, W, C)"))
    plain = Entry("w", "params/k", FLATTEN, reshaped(36, 8, 10))
    words = [
        next(iter(factor_orders([one], {"w": (10, 288)}, {"params/k": (288, 10)}))).words for one in (named, plain)
    ]
    assert words == [("(C, H, W)", "(H, W, C)"), ("(8, 36)", "(36, 8)")]


def test_nothing_is_allocated():
    """A line of a matrix that no machine holds is looked at by its strides."""
    large = Entry(
        "w",
        "params/k",
        View((("reshape", (1 << 20, 8, 1 << 20)), ("transpose", (2, 1, 0)))),
        reshaped(1 << 20, 8, 1 << 20),
    )
    assert len([*factor_orders([large], {"w": (1 << 20, 1 << 23)}, {"params/k": (1 << 23, 1 << 20)})]) == 1
