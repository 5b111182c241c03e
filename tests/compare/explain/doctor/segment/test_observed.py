"""What the arrays say by themselves."""

import dataclasses

import numpy as np
import pytest

from compare.explain.calls.scene import Scene
from compare.explain.doctor.segment.observed import observe
from tests.compare.explain.doctor.scenes import drawn

X = drawn(4, 6)
E = np.eye(4, 6)


def scene(plain, port):
    return Scene("", None, None, (), (), (), "forward", {"value": plain}, {"value": port}, {"value": 1e-12}, {},
                 lambda change: {})  # fmt: skip


ROWS = [
    (X, X / 2, "the port's is 0.5 times the reference's in every entry"),
    (X, X * 6**0.5, "the port's is 2.44949 (sqrt(6)) times the reference's in every entry"),
    (X, -X, "the port's is -1 times the reference's in every entry"),
    (X, X * 5 / 6, "the port's is 0.833333 (5 / 6) times the reference's in every entry"),
    (X, X * 1.0001, "the port's is 1.0001 times the reference's in every entry"),
    (X, X * 0, "the port's is zero in every entry"),
    (X[:, :4], X[:, :4].T, "the port's is the reference's with axes (1, 0)"),
    (X, X[:, ::-1], "the port's is the reference's flipped along axis 1"),
    (X, np.roll(X, 1, 0), "the port's is the reference's shifted by 1 along axis 0"),
    (X, np.vstack([np.zeros((1, 6)), X[:-1]]),
     "the port's is the reference's shifted by 1 along axis 0, zeros coming in"),
    (X, np.hstack([X[:, 3:], X[:, :3]]),
     "the port's is the reference's with the halves along axis 1 in the order (1, 0)"),
    (X, X.reshape(4, 2, 3).swapaxes(1, 2).reshape(4, 6),
     "the port's is the reference's with axis 1 read as (3, 2) for (2, 3)"),
    (X, X.ravel("F").reshape(4, 6), "the port's is the reference's transposed in memory order"),
    (X, np.maximum(X, 0), "the port's is the ReLU of the reference's"),
    (X, np.tanh(X), "the port's is the tanh of the reference's"),
    (X, X + 3, "the port's is the reference's plus 3 in every entry"),
    (X, X + 1.5 * E * (np.arange(6) == 0), "they differ only at the first entry of axis 1"),
    (np.abs(X) + 1, np.abs(X) + 1 + (np.arange(6) == 5), "they differ only at the last entry of axis 1"),
    (np.abs(X) + 1, np.abs(X) + 1 + np.isin(np.arange(6), (0, 5)), "they differ only at the border of axis 1"),
    (X, np.where(X < 0, X * 0.99 + 0.1, X), "they differ exactly where the reference's is negative"),
    (X, np.where(np.abs(X) > 1, X + np.arange(1, 7), X), "they differ only where the reference's is above"),
    (X, np.where(np.arange(6) == 2, np.nan, X), "4 entries of the port's are NaN, 0 of the reference's"),
    (X, X + 1e-9 * (np.arange(6) == 0), "4 of 24 entries differ"),
    (X, X[:, :3], "the port's has the shape (4, 3), the reference's (4, 6)"),
    (X, np.random.default_rng(0).permutation(X.ravel()).reshape(4, 6), "the values are the same, in another order"),
]  # fmt: skip


@pytest.mark.parametrize(("plain", "port", "text"), ROWS, ids=[row[2] for row in ROWS])
def test_it_is_said_in_words(plain, port, text):
    """One sentence for each kind."""
    assert any(one.startswith(text) for one in observe(scene(plain, port), ["value"]).sentences)


def test_of_arrays_that_agree_in_order_no_other_order_is_said():
    """Sorted they agree to nine digits as well, and as they are."""
    said = observe(scene(X, X + 1e-9 * (np.arange(6) == 0)), ["value"]).sentences
    assert "they differ only at the first entry of axis 1" in said
    assert not [text for text in said if "order" in text or "axes" in text]


def test_ratio_and_function_are_kept_for_the_suspects():
    """A number, or the name of a function."""
    assert observe(scene(X, X * 1.5), ["value"]).ratio == pytest.approx(1.5)
    assert observe(scene(X, np.tanh(X)), ["value"]).extra == "the tanh"
    assert observe(scene(X, np.tanh(X)), ["value"]).ratio is None


def test_a_small_difference_is_no_constant():
    """Of some entries more and of others less than that."""
    assert not any("plus" in text for text in observe(scene(X, X * (1 + 1e-10 * E)), ["value"]).sentences)
    assert not any("plus" in text for text in observe(scene(X, X + 1e-10 * X[::-1]), ["value"]).sentences)


def test_nothing_is_said_of_what_agrees():
    """Or of a single number's ratio that is nothing in particular."""
    assert observe(scene(X, X + 1e-15), ["value"]).sentences == ()
    assert observe(scene(np.array(2.0), np.array(2.7)), ["value"]).sentences == ()
    assert observe(scene(np.array(2.0), np.array(1.0)), ["value"]).ratio == 0.5


def test_names_stand_before_what_is_said_of_one_of_several():
    """Only those that differ are spoken of; a gradient is called one."""
    both = dataclasses.replace(scene(X, X), plain={"value": X, "grad/w": X}, port={"value": X, "grad/w": 2 * X})
    assert observe(both, ["value", "grad/w"]).sentences == (
        "grad/w: the port's gradient is 2 times the reference's in every entry",
    )
