"""Whether a pair drops out, and with which masks."""

import numpy as np
import torch

from compare.measure.bench.runners.dropouts import dropouts, drops_out, masks_of
from tests.compare.measure.bench.small import ready


def test_a_pair_with_dropout_is_known(cpu):
    """With the shape and the rate of its mask, for the batch that is trained on."""
    assert drops_out(*ready("regularized"), cpu)
    assert dropouts(*ready("regularized"), cpu) == (((6, 12), 0.5),)


def test_a_pair_without_is_known_too(cpu):
    """And asking leaves torch's generator where it stood."""
    before = torch.get_rng_state()
    assert not drops_out(*ready("loose"), cpu)
    assert torch.equal(before, torch.get_rng_state())


def test_each_batch_has_masks_of_its_own(cpu):
    """The same at every call."""
    prepared, entering = ready("regularized")
    dropped = dropouts(prepared, entering, cpu)
    (first,), (second,), (again,) = (masks_of(entering, dropped, number) for number in (0, 1, 0))
    assert first.shape == (6, 12)
    assert np.array_equal(first, again)
    assert not np.array_equal(first, second)
