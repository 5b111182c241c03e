"""Two arrays are one value whatever the layout, and what only moves is told from what computes."""

import numpy as np
import pytest

from compare.measure.contrast.values_alike import Contents, alike, is_moved

RNG = np.random.default_rng(0)
IMAGE = RNG.standard_normal((2, 3, 4, 4))


def same(one, other):
    """Whether they are."""
    return alike(Contents(np.asarray(one)), Contents(np.asarray(other)))


@pytest.mark.parametrize(
    ("one", "other", "expected"),
    [
        (IMAGE, IMAGE.transpose(0, 2, 3, 1), True),
        (IMAGE, IMAGE.reshape(2, 48), True),
        (IMAGE, IMAGE * (1 + 1e-12), True),
        (IMAGE, IMAGE * (1 + 1e-5), False),
        (IMAGE, np.where(IMAGE.max() == IMAGE, 0, IMAGE), False),
        (IMAGE, IMAGE[0], False),
        (np.zeros((2, 3)), np.zeros((3, 2)), True),
        (np.zeros((2, 3)), np.full((2, 3), 1e-30), False),
        ([True, False], [1.0, 0.0], False),
        ([1.0, -np.inf], [1.0, -3.4e38], True),
        (np.float64(2.5), [2.5], True),
        (IMAGE + 1j, (IMAGE + 1j).T, True),
    ],
)
def test_alike(one, other, expected):
    """Of few values the places count too; a masked place is one, whatever it is filled with."""
    assert same(one, other) is expected


def test_masks_are_held_against_each_other_place_by_place():
    """As many truths in other places are another mask."""
    mask = np.array([[True, False, False], [True, True, False]])
    assert same(mask, mask.T)
    assert not same(mask, mask[:, [1, 0, 2]])


@pytest.mark.parametrize(
    ("result", "expected"),
    [
        (IMAGE.reshape(6, 16), True),
        (np.broadcast_to(IMAGE, (5, *IMAGE.shape)), True),
        (np.flip(IMAGE), True),
        (IMAGE[0], False),
        (np.concatenate([IMAGE, IMAGE * 2]), False),
        (np.maximum(IMAGE, 0), False),
        (IMAGE > 0, False),
    ],
)
def test_is_moved(result, expected):
    """Entries elsewhere, or each as often as every other; a part of it is not all of it."""
    assert is_moved(Contents(IMAGE), Contents(result)) is expected
