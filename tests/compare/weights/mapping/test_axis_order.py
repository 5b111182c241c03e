"""Which inputs the port wants turned, and which outputs come back turned: told by convolutions, not by shapes."""

import numpy as np
import pytest
from jax import lax

from compare.errors import UsageError
from compare.weights.mapping.atoms import Atom
from compare.weights.mapping.axis_order import fitted_inputs, labels_of, turned_outputs
from compare.weights.mapping.units import Value
from compare.weights.mapping.walk import Trace, Walk

K = {"k": np.ones((3, 3, 4, 4), np.float32)}


def value(*said):
    """A value from (size, label) of each axis."""
    return Value(
        tuple([Atom(size, label)] if size > 1 else [] for size, label in said), tuple(size for size, _ in said)
    )


def reference(*inputs):
    return Trace(Walk(), inputs, {})


def nhwc(params, x, *others):
    return lax.conv_general_dilated(x, params["k"], (1, 1), "SAME", dimension_numbers=("NHWC", "HWIO", "NHWC"))


def nchw(params, x):
    return lax.conv_general_dilated(x, params["k"], (1, 1), "SAME", dimension_numbers=("NCHW", "HWIO", "NCHW"))


IMAGE = value((4, "b"), (4, "c"), (4, "s0"), (4, "s1"))  # one size for all: shapes say nothing
X = np.ones((4, 4, 4, 4), np.float32)


def test_labels_are_what_all_of_an_axis_is():
    mixed = Value(([Atom(2, "c"), Atom(3, "s0")], [Atom(4, "c"), Atom(2, "c")], []), (6, 8, 1))
    assert labels_of(mixed) == [None, "c", None]


def test_an_input_is_turned_where_the_port_convolves_other_axes():
    model, axes, trace = fitted_inputs(reference(IMAGE), {}, (nhwc, K), (X,), {}, True)
    assert axes == ((0, 2, 3, 1),)
    assert labels_of(trace.inputs[0]) == ["b", "s0", "s1", "c"]
    assert set(model.leaves) == {"params/k"}
    assert fitted_inputs(reference(IMAGE), {}, (nchw, K), (X,), {}, True)[1] == (None,)


def test_an_input_is_left_as_it_is_where_that_was_asked():
    assert fitted_inputs(reference(IMAGE), {}, (nhwc, K), (X,), {}, False)[1] == (None,)


def test_only_the_image_among_several_inputs_is_turned():
    plain = value((4, None), (3, None))
    given = (X, np.ones((4, 3), np.float32), "mode")
    _, axes, _ = fitted_inputs(reference(IMAGE, plain), {}, (nhwc, K), given, {}, True)
    assert axes == ((0, 2, 3, 1), None, None)


def test_what_can_be_traced_in_one_order_alone_is_taken_so():
    image = value((2, "b"), (4, "c"), (6, "s0"), (5, "s1"))
    x = np.ones((2, 4, 6, 5), np.float32)
    assert fitted_inputs(reference(image), {}, (nhwc, K), (x,), {}, True)[1] == ((0, 2, 3, 1),)


@pytest.mark.parametrize("rows", [2, 1])
def test_a_single_channel_is_the_axis_beside_batch_and_space(rows):
    image = value((rows, "b"), (1, None), (6, "s0"), (5, "s1"))
    kernel = {"k": np.ones((3, 3, 1, 4), np.float32)}
    x = np.ones((rows, 1, 6, 5), np.float32)
    assert fitted_inputs(reference(image), {}, (nhwc, kernel), (x,), {}, True)[1] == ((0, 2, 3, 1),)


def test_a_port_that_raises_in_every_order_is_told_of_the_given_one():
    def broken(params, x):
        raise ValueError(f"shape {x.shape}")

    image, x = value((2, "b"), (4, "c"), (6, "s0"), (5, "s1")), np.ones((2, 4, 6, 5), np.float32)
    with pytest.raises(UsageError, match=r"the port raised ValueError: shape \(2, 4, 6, 5\)"):
        fitted_inputs(reference(image), {}, (broken, {}), (x,), {}, True)


def turned(mine, theirs):
    first, *_ = turned_outputs(Trace(Walk(), (), {"out": mine}), Trace(Walk(), (), {"out": theirs}))
    return first


LAST = value((4, "b"), (4, "s0"), (4, "s1"), (4, "c"))


def test_an_output_comes_back_where_the_reference_has_its_channels():
    assert turned(IMAGE, LAST) == {"out": (0, 3, 1, 2)}
    assert turned(LAST, IMAGE) == {"out": (0, 2, 3, 1)}
    assert np.transpose(np.zeros((1, 2, 3, 4)), turned(IMAGE, LAST)["out"]).shape == (1, 4, 2, 3)


@pytest.mark.parametrize(
    ("mine", "theirs"),
    [
        (IMAGE, IMAGE),
        (value((4, None), (4, None)), value((4, None), (4, None))),
        (IMAGE, value((4, "b"), (64, "c"))),
        (value((4, "c"), (4, "c"), (4, "s0")), value((4, "c"), (4, "s0"), (4, "c"))),
        (IMAGE, value((4, "b"), (4, "s0"), (4, None), (4, "c"))),
    ],
)
def test_an_output_is_left_where_nothing_surely_says_otherwise(mine, theirs):
    assert turned(mine, theirs) == {}


def test_axes_of_one_entry_go_where_they_are_left():
    mine, theirs = value((1, None), (4, "c"), (4, "s0")), value((1, None), (4, "s0"), (4, "c"))
    assert turned(mine, theirs) == {"out": (0, 2, 1)}


def test_an_output_that_the_port_does_not_have_is_left_out():
    assert turned_outputs(Trace(Walk(), (), {"a": IMAGE}), Trace(Walk(), (), {"b": LAST})) == [{}]


def test_axes_without_a_label_stay_in_their_order():
    """Of stacked outputs, or of one whose rows something made new."""
    assert turned(value((4, "b"), (4, "c"), (3, None)), value((4, "b"), (3, None), (4, "c"))) == {"out": (0, 2, 1)}
    stacked = value((2, None), (4, "b"), (4, "c"), (4, "s0"), (4, "s1"))
    theirs = value((2, None), (4, "b"), (4, "s0"), (4, "s1"), (4, "c"))
    assert turned(stacked, theirs) == {"out": (0, 1, 4, 2, 3)}


def every(mine, theirs, channels_last=False):
    traces = (Trace(Walk(), (), {"out": mine}), Trace(Walk(), (), {"out": theirs}))
    return [one.get("out") for one in turned_outputs(*traces, channels_last)]


def test_an_output_that_is_not_told_is_tried_in_the_orders_that_make_its_shape():
    blank = value((4, None), (4, None), (4, None), (4, None))
    assert every(IMAGE, blank) == [None, (0, 3, 1, 2), (0, 1, 3, 2), (0, 2, 3, 1)]
    assert every(IMAGE, blank, True) == [(0, 3, 1, 2), (0, 1, 3, 2), (0, 2, 3, 1), None]
    assert every(IMAGE, value((4, None), (5, None), (5, None), (4, None))) == [None]
    uneven = value((2, "b"), (3, "c"), (5, "s0"), (5, "s1"))
    assert every(uneven, value((2, None), (5, None), (5, None), (3, None))) == [(0, 3, 1, 2)]
    assert every(blank, blank) == [None]
