"""The digits that ship, as torchref loads them."""

import numpy as np

from torchref.digits import DIGITS, load_digits


def test_both_parts_are_there() -> None:
    """4,000 images and 1,000, from 0 to 1 with one channel, and a label from 0 to 9 for each: as the file has them."""
    with np.load(DIGITS) as file:
        for (images, labels), part in zip(load_digits(), ("train", "test"), strict=True):
            np.testing.assert_array_equal(np.asarray(labels), file[f"y_{part}"])
            np.testing.assert_allclose(np.asarray(images)[:, 0] * 255, file[f"x_{part}"], atol=1e-4)
