"""An array of the port is found among the reference's results in any layout, and not where one entry is elsewhere."""

import numpy as np
import pytest

from compare.explain.by_piece.recognized import Recognized, apart
from compare.explain.by_piece.reference_results import Made

RNG = np.random.default_rng(0)
MASKED = np.where(np.tril(np.ones((4, 4), bool)), RNG.normal(size=(2, 4, 4)), -np.inf)


def made(number: int, value: np.ndarray) -> Made:
    return Made(number, "", False, "add", "", (), value)


RESULTS = [made(0, RNG.normal(size=(2, 3, 4))), made(1, RNG.normal(size=(2, 3, 4))), made(2, MASKED)]
KNOWN = Recognized(RESULTS)
SECOND = RESULTS[1].value


@pytest.mark.parametrize(
    ("array", "number"),
    [
        (SECOND, 1),
        (SECOND.transpose(0, 2, 1) * (1 + 1e-12), 1),
        (SECOND.reshape(6, 4), 1),
        (MASKED.transpose(1, 0, 2), 2),
        (SECOND * (1 + 1e-7), None),
        (SECOND[:, ::-1], None),  # the same entries in another order
        (np.where(np.isfinite(MASKED), MASKED, 0.0), None),
        (np.ones(5), None),
    ],
)
def test_it_is_found_in_any_layout(array, number):
    """Rounding aside."""
    found = KNOWN.find(array)
    assert (found.made.number if found else None) == number
    if found:
        np.testing.assert_allclose(found.layout.to_port(found.made.value), array)


def test_how_far_apart_they_are_is_told_in_the_nearest_layout():
    """Of another size nothing is told."""
    assert apart(RESULTS[0], 1.5 * RESULTS[0].value.transpose(2, 0, 1)) == pytest.approx(0.5)
    assert apart(RESULTS[0], np.ones(5)) is None


def test_what_an_identity_makes_is_alike():
    """Another result with the same entries, in another layout too."""
    same = made(3, SECOND.transpose(2, 1, 0).copy())
    assert set(Recognized([*RESULTS, same]).alike([RESULTS[1]])) == {RESULTS[1], same}
