"""Two shapes are one mask's in a few ways, and where the shapes leave a choice all of them are named."""

import numpy as np
import pytest

from compare.frameworks.dropout.mask_layouts import CHANNELS_LAST, REGROUPED, SAME, SWAPPED, fits, laid_out


@pytest.mark.parametrize(
    ("reference", "port", "channels_last", "ways"),
    [
        ((4, 5), (4, 5), False, [SAME]),
        ((4, 5), (5, 4), False, []),
        ((4, 5), (4, 1), False, []),
        ((2, 3, 4, 5), (2, 4, 5, 3), True, [CHANNELS_LAST]),
        ((2, 3, 4, 5), (2, 4, 5, 3), False, []),
        ((2, 3, 4, 5), (2, 3, 4, 5), True, [SAME]),
        ((2, 3, 1, 1), (2, 1, 1, 3), True, [CHANNELS_LAST]),
        ((2, 3, 1), (2, 1, 3), True, [CHANNELS_LAST]),
        ((2, 3, 4, 5, 6), (2, 4, 5, 6, 3), True, [CHANNELS_LAST]),
        ((7, 2, 5), (2, 7, 5), False, [SWAPPED]),
        ((7, 1, 5), (7, 5), False, [REGROUPED]),
        ((6, 5, 5), (3, 2, 5, 5), False, [REGROUPED]),
        ((3, 2, 5, 5), (6, 5, 5), False, [REGROUPED]),
        ((3, 2, 8), (6, 8), False, [REGROUPED]),
        ((6, 5), (5, 5), False, []),
        ((30,), (5, 6), False, []),
        ((1, 3, 1, 1), (1, 3, 1, 1), True, [SAME]),
        ((2, 1, 1, 1), (2, 1, 1, 1), True, [SAME]),
        # The shapes alone cannot tell:
        ((4, 4, 8), (4, 4, 8), False, [SAME, SWAPPED]),
        ((2, 4, 4, 4), (2, 4, 4, 4), True, [CHANNELS_LAST, SAME]),
        ((2, 4, 4), (2, 4, 4), True, [SAME, CHANNELS_LAST]),
    ],
)
def test_the_ways_two_shapes_fit(reference, port, channels_last, ways):
    assert fits(reference, port, channels_last) == ways


@pytest.mark.parametrize(
    ("reference", "port", "way", "wanted"),
    [
        ((2, 3, 4), (2, 3, 4), SAME, lambda m: m),
        ((2, 3, 4, 5), (2, 4, 5, 3), CHANNELS_LAST, lambda m: np.einsum("nchw->nhwc", m)),
        ((2, 3, 4), (2, 4, 3), CHANNELS_LAST, lambda m: np.einsum("ncl->nlc", m)),
        ((7, 2, 5), (2, 7, 5), SWAPPED, lambda m: np.einsum("lnd->nld", m)),
        ((6, 5, 5), (3, 2, 5, 5), REGROUPED, lambda m: np.stack([m[:2], m[2:4], m[4:]])),
    ],
)
def test_every_entry_arrives_where_it_belongs(reference, port, way, wanted):
    mask = np.arange(np.prod(reference)).reshape(reference)
    found = laid_out(mask, port, way)
    assert found.shape == port
    assert np.array_equal(found, wanted(mask))
