"""Masks are taken in order, a shape that does not fit is a mismatch, and what is passed over is said."""

import pytest

from compare.frameworks.dropout.masks import Dropout
from compare.frameworks.dropout.pairing import DropoutMismatch, Pairing, Replay


def pairing(*shapes, channels_last=False):
    return Pairing(Replay(list(shapes)), channels_last)


def test_masks_are_taken_in_order_and_the_rest_is_left_over():
    found = pairing((4, 8), (4, 8), (4, 5))
    assert found.take((4, 8), 0.1, "a.py:1") == (0, "as it is")
    assert found.take((4, 8), 0.2, "a.py:2") == (1, "as it is")
    assert found.record.asked == [Dropout(0, (4, 8), 0.1, "a.py:1"), Dropout(1, (4, 8), 0.2, "a.py:2")]
    assert (found.record.used, found.record.unused) == ([0, 1], [2])


def test_a_shape_that_does_not_fit_is_a_mismatch_even_if_a_later_one_would():
    found = pairing((4, 8), (4, 5))
    with pytest.raises(DropoutMismatch) as caught:
        found.take((4, 5), 0.1, "a.py:3")
    assert (caught.value.index, caught.value.reference_shape, caught.value.port_shape) == (0, (4, 8), (4, 5))
    assert str(caught.value) == (
        "dropout 0: the port asks for a mask of shape (4, 5) (at a.py:3), the reference has a mask of shape (4, 8)"
    )


def test_no_mask_left_is_a_mismatch():
    with pytest.raises(DropoutMismatch, match="met no more") as caught:
        pairing().take((2, 2), 0.1, "a.py:1")
    assert caught.value.reference_shape is None


def test_once_the_order_is_lost_masks_are_searched_for():
    found = pairing((4, 8), (4, 8), (4, 5))
    found.record.in_order = False
    assert found.take((4, 5), 0.1, "a.py:1") == (2, "as it is")
    assert found.take((4, 5), 0.1, "a.py:2") is None
    assert found.record.not_compared == ["dropout of shape (4, 5), after the order was lost, at a.py:2"]


def test_a_shape_that_fits_twice_is_named():
    found = pairing((4, 4, 8))
    found.take((4, 4, 8), 0.1, "a.py:1")
    assert found.record.ambiguous == ["mask 0 of shape (4, 4, 8): as it is or with its first two axes swapped"]


@pytest.mark.parametrize("due", [(3, 2, 5, 5), (6, 5, 5)])
def test_one_mask_for_all_heads_passes_over_the_masks_of_each(due):
    found = pairing(due, (4, 8))
    assert found.pass_shared((1, 1, 5, 5))
    assert found.take((4, 8), 0.1, "a.py:1") == (1, "as it is")
    assert (found.record.passed, found.record.unused) == ([0], [])


@pytest.mark.parametrize(("due", "asked"), [((3, 2, 5, 5), (3, 2, 5, 5)), ((1, 1, 5, 5), (1, 1, 5, 5)),
                                            ((3, 2, 5, 6), (1, 1, 5, 5)), ((5, 5), (1, 1, 5, 5))])  # fmt: skip
def test_nothing_else_is_passed_over(due, asked):
    found = pairing(due)
    assert not found.pass_shared(asked)
    assert found.record.passed == []


def test_rates_that_differ_are_named_and_rounding_is_not():
    found = pairing((4, 8), (4, 5))
    found.take((4, 8), 1 - (1 - 0.1), "port.py:1")
    found.take((4, 5), 0.2, "port.py:2")
    drawn = [Dropout(0, (4, 8), 0.1, "torch.py:1"), Dropout(1, (4, 5), 0.1, "torch.py:2")]
    assert found.record.rates_apart(drawn) == ["dropout 1: rate 0.1 at torch.py:2, 0.2 at port.py:2"]


def test_attentions_weights_have_no_channels():
    layer, attention = pairing((2, 4, 4, 4), channels_last=True), pairing((2, 4, 4, 4), channels_last=True)
    assert layer.take((2, 4, 4, 4), 0.1, "a.py:1") == (0, "with its channels last")
    assert attention.take((2, 4, 4, 4), 0.1, "a.py:1", attention=True) == (0, "as it is")
