"""Parts of an array in another order: said with the line that NumPy makes the array by."""

import numpy as np
import pytest

from compare.arrays.views import View
from compare.weights.entry import Entry
from compare.weights.mapping.gate_orders import PACKED
from compare.weights.own.loader import loader_notices
from compare.weights.own.part_orders import part_orders
from compare.weights.weights import WeightMap


def cut(axis, start, stop, *more):
    return View((("slice", (axis, start, stop)), *more))


TURN = ("transpose", (1, 0))
TOKEN = [
    Entry("pos", "params/pos", View((("reshape", (6, 8)), ("index", (0, 0)))),
          View((("reshape", (6, 8)), ("index", (0, 5))))),
    Entry("pos", "params/pos", View((("reshape", (6, 8)), ("slice", (0, 1, 6)))),
          View((("reshape", (6, 8)), ("slice", (0, 0, 5))))),
]  # fmt: skip
COLUMNS = [
    Entry("w", "params/k", cut(1, 0, 3, TURN), cut(0, 5, 8)),
    Entry("w", "params/k", cut(1, 3, 8, TURN), cut(0, 0, 5)),
]
HEADS = [  # of a matrix whose columns are heads with an axis of their own there: no line of NumPy is written
    Entry("w", "params/k", View((("reshape", (3, 2, 2, 2)), ("index", (1, 0)))), cut(1, 2, 4)),
    Entry("w", "params/k", View((("reshape", (3, 2, 2, 2)), ("index", (1, 1)))), cut(1, 0, 2)),
]


@pytest.mark.parametrize(
    ("entries", "shape", "leaf", "words"),
    [
        (TOKEN, (1, 6, 8), (1, 6, 8), "pos's axis 1 from (0, 1:6) to (1:6, 0)"),
        (COLUMNS, (4, 8), (8, 4), "w's columns from (0:3, 3:8) to (3:8, 0:3)"),
    ],
)
def test_either_way_it_is_said_with_the_line_that_does_it(entries, shape, leaf, words):
    first = entries[0]
    shapes, leaves = {first.reference: shape}, {first.port: leaf}
    (there,), (back,) = (loader_notices(entries, shapes, leaves, side) for side in ("reference", "port"))
    weight = np.random.default_rng(0).standard_normal(shape)
    made = WeightMap(entries).to_port({first.reference: weight}, leaves)[first.port]
    assert there.startswith(f"your loader must permute {words}: {first.port} is ")
    for said, target, name, source, wanted in (
        (there, first.port, first.reference, weight, made),
        (back, first.reference, first.port, made, weight),
    ):
        line = said.partition(f": {target} is ")[2].replace(name, "source")
        np.testing.assert_array_equal(eval(line, {"np": np, "source": source}), wanted)


def test_without_a_line_of_numpy_the_order_is_said():
    (order,) = part_orders(HEADS, {"w": (3, 8)}, {"params/k": (3, 4, 2)})
    assert order.in_words(of_port=False) == ("(0:4, 4:8)", "(4:8, 0:4)")
    assert order.in_numpy(of_port=False) == ""


@pytest.mark.parametrize(
    "entries",
    [
        [Entry("w", "params/k", cut(1, 0, 3, TURN), cut(0, 0, 3)),
         Entry("w", "params/k", cut(1, 3, 8, TURN), cut(0, 3, 8))],
        [Entry("w", one.port, one.reference_view, one.port_view, f"{PACKED}f, i)") for one in COLUMNS],
        [Entry("w", f"params/{at}", one.reference_view) for at, one in enumerate(COLUMNS)],
        [Entry("w", "params/k", View((("reshape", (4, 2, 4)), ("index", (1, at)), TURN)),
               View((("reshape", (4, 2, 4)), ("index", (1, at))))) for at in (0, 1)],
    ],
)  # fmt: skip
def test_the_same_order_gates_of_which_it_is_said_and_arrays_of_their_own_are_not_said(entries):
    leaves = {one.port: (8, 4) for one in entries}
    assert [*part_orders(entries, {"w": (4, 8)}, leaves)] == []
