"""What a loader has to do is said for either direction, and what NumPy writes does it."""

import numpy as np
import pytest

from compare.arrays.views import View, reshaped, transposed
from compare.weights.entry import Entry
from compare.weights.own.loader import loader_notices
from compare.weights.weights import WeightMap

FLATTEN = View((("reshape", (10, 8, 36)), ("transpose", (2, 1, 0))))
HEAD = Entry("fc.weight", "params/head/kernel", FLATTEN, reshaped(36, 8, 10), flattened=("(C, H, W)", "(H, W, C)"))
SHAPES, LEAVES = {"fc.weight": (10, 288)}, {"params/head/kernel": (288, 10)}


def test_a_flatten_order_is_said_with_the_line_that_does_it():
    said = loader_notices([HEAD], SHAPES, LEAVES)
    head, _, line = said[0].rpartition(" is ")
    assert len(said) == 1
    assert head == "your loader must permute head's rows from (C, H, W) to (H, W, C): params/head/kernel"
    weight = np.random.default_rng(0).standard_normal((10, 288))
    made = eval(line.replace("fc.weight", "weight"), {"weight": weight})
    np.testing.assert_array_equal(made, WeightMap(HEAD).to_port({"fc.weight": weight}, LEAVES)["params/head/kernel"])


def test_from_the_port_it_is_the_other_way_round():
    said = loader_notices([HEAD], SHAPES, LEAVES, "port")
    head, _, line = said[0].rpartition(" is ")
    assert head == "your loader must permute fc's columns from (H, W, C) to (C, H, W): fc.weight"
    kernel = np.random.default_rng(0).standard_normal((288, 10))
    made = eval(line.replace("params/head/kernel", "kernel"), {"kernel": kernel})
    back = WeightMap(HEAD).to_reference({"params/head/kernel": kernel}, SHAPES)
    np.testing.assert_array_equal(made, back["fc.weight"])


def test_of_what_is_seen_otherwise_no_line_is_written():
    """Part of an array: the order is said all the same."""
    part = Entry("fc.weight", "params/head/kernel", FLATTEN.then("slice", (0, 0, 36)), reshaped(36, 8, 10))
    for original in ("reference", "port"):
        assert loader_notices([part], SHAPES, LEAVES, original)[0].endswith(")")


def packed(places):
    """Query, key and value one after another, and each head with its own three, in another order."""
    return [
        Entry(
            "qkv.weight", "params/p/w",
            View((("reshape", (3, 2, 4, 8)), ("index", (0, at)), ("transpose", (2, 0, 1)))),
            View((("reshape", (8, 2, 3, 4)), ("index", (2, place)))),
        )
        for at, place in enumerate(places)
    ]  # fmt: skip


@pytest.mark.parametrize("places", [(0, 1, 2), (1, 0, 2), (1, 2, 0)])
def test_what_is_packed_in_another_way_is_said_once_with_the_line_that_does_it(places):
    entries, shapes, leaves = packed(places), {"qkv.weight": (24, 8)}, {"params/p/w": (8, 24)}
    weight = np.random.default_rng(0).standard_normal((24, 8))
    kernel = WeightMap(entries).to_port({"qkv.weight": weight}, leaves)["params/p/w"]
    (there,), (back,) = (loader_notices(entries, shapes, leaves, side) for side in ("reference", "port"))
    assert there.startswith("your loader must permute p's columns from (3, 2, 4) to (2, 3, 4): params/p/w is ")
    assert back.startswith("your loader must permute qkv's rows from (2, 3, 4) to (3, 2, 4): qkv.weight is ")
    made = eval(there.rpartition(" is ")[2].replace("qkv.weight", "weight"), {"weight": weight})
    np.testing.assert_array_equal(made, kernel)
    made = eval(back.rpartition(" is ")[2].replace("params/p/w", "kernel"), {"kernel": kernel})
    np.testing.assert_array_equal(made, weight)


def test_two_axes_of_one_size_are_said_to_be_transposed():
    """A rotary embedding's pairs, neighbours on one side and halves on the other, of a head of four."""
    entries = [
        Entry(
            "q.weight", "params/q/kernel",
            View((("reshape", (2, 2, 4)), ("index", (1, at)), ("transpose", (1, 0)))),
            View((("slice", (1, 2 * at, 2 * at + 2)),)),
        )
        for at in range(2)
    ]  # fmt: skip
    (said,) = loader_notices(entries, {"q.weight": (4, 4)}, {"params/q/kernel": (4, 4)})
    assert said.startswith("your loader must permute q's columns from (2, 2) to its transpose: params/q/kernel is ")


def test_parts_that_are_arrays_of_their_own_there_are_not_said():
    apart = [Entry("w", f"params/{at}", View((("reshape", (2, 3, 4, 5)), ("index", (1, at))))) for at in range(3)]
    assert loader_notices(apart, {"w": (24, 5)}, {f"params/{at}": (2, 4, 5) for at in range(3)}) == []


def test_many_are_counted():
    entries = [Entry(f"l{at}.weight", f"params/l{at}/kernel", FLATTEN, reshaped(36, 8, 10)) for at in range(5)]
    said = loader_notices(
        entries, {one.reference: (10, 288) for one in entries}, {one.port: (288, 10) for one in entries}
    )
    assert [text.split(" from")[0] for text in said[:3]] == [
        f"your loader must permute l{at}'s rows" for at in range(3)
    ]
    assert said[3].startswith("your loader must permute 2 more arrays")


def test_what_the_framework_asks_for_is_not_said():
    assert (
        loader_notices(
            [Entry("fc.weight", "params/fc/kernel", transposed(1, 0))],
            {"fc.weight": (3, 4)},
            {"params/fc/kernel": (4, 3)},
        )
        == []
    )
