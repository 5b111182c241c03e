"""Where torch's spectral norm meets Flax's, the report says what each does; where it meets a twin, nothing."""

import numpy as np
import pytest
from torch import nn

from compare.pair.pair import Pair
from compare.pair.prepare import prepare
from tests.compare.zoo.equinox_ports import with_vectors
from tests.compare.zoo.norms import Spectral, SpectralLinen

X = np.ones((4, 6), np.float32)
OLD, NEW = nn.utils.spectral_norm, nn.utils.parametrizations.spectral_norm


@pytest.mark.parametrize(
    ("norm", "port", "words"),
    [
        (OLD, SpectralLinen, "with epsilon=0"),
        (NEW, SpectralLinen, "half an iteration apart"),
        (NEW, with_vectors, ""),
    ],
)
def test_what_is_said(norm, port, words):
    notes = [note for note in prepare(Pair(Spectral(norm), port(), X)).notes if "power iteration" in note]
    assert len(notes) == bool(words)
    assert all(words in note for note in notes)
