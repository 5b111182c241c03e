"""A line of the map: what it says of itself, and what two lines into one leaf do to the weights."""

import numpy as np
import pytest

from compare.arrays.views import View, transposed
from compare.errors import UsageError
from compare.weights.entry import Entry, Sum, linear, same


def test_a_sum_is_collected_in_its_first_and_its_second_has_no_gradient():
    """The same function, in which an optimizer does to the first what it does to the port's one array."""
    half = Sum("b", View((("slice", (0, 0, 2)),)), "b", View((("slice", (0, 2, 4)),)))
    arrays = {"b": np.array([1.0, 2.0, 3.0, 4.0])}
    half.collect(arrays)
    np.testing.assert_array_equal(arrays["b"], [4, 6, 0, 0])
    np.testing.assert_array_equal(half.kept((4,)), [1, 1, 0, 0])


def test_a_line_says_both_names_the_layout_and_why():
    """The port's view is said where it changes something."""
    assert Entry("a", "params/a").layout == "same"
    both = Entry("a", "params/b", transposed(1, 0), View((("index", (0, 1)),)), "stacked", summed=True)
    assert both.layout.startswith("transpose (1, 0); port: ")
    assert both.explain().endswith(", added: stacked)")


def test_rows_for_the_common_layers():
    """A dense layer's two arrays; loose arrays by their own names."""
    weight, bias = linear("fc", "Dense_0")
    assert (weight.reference, weight.port, weight.reference_view) == (
        "fc.weight", "params/Dense_0/kernel", transposed(1, 0),
    )  # fmt: skip
    assert (bias.port, bias.layout) == ("params/Dense_0/bias", "same")
    assert [entry.port for entry in same("W1", "b1")] == ["params/W1", "params/b1"]


def test_what_is_no_line_is_refused():
    with pytest.raises(UsageError, match=r"^entry: port: expected a str, got int$"):
        Entry("a", 1)  # type: ignore[arg-type]
    with pytest.raises(UsageError, match=r"^entry: flattened: expected two orders in words, got 'CHW'$"):
        Entry("a", "params/a", flattened="CHW")  # type: ignore[arg-type]
