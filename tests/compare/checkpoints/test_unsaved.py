"""A buffer that no checkpoint holds and the port keeps comes from the module whose weights they are."""

import numpy as np
import torch
from flax import linen

from compare import Pair
from compare.checkpoints.unsaved import with_unsaved
from compare.pair.prepare import prepare


class Scaled(torch.nn.Module):
    def __init__(self, factor):
        super().__init__()
        self.register_buffer("factor", torch.full((3,), factor), persistent=False)
        self.register_buffer("unused", torch.ones(2), persistent=False)
        self.fc = torch.nn.Linear(3, 2)

    def forward(self, x):
        return self.fc(x * self.factor)


class Port(linen.Module):
    @linen.compact
    def __call__(self, x):
        factor = self.variable("buffers", "factor", lambda: np.ones(3, np.float32))
        return linen.Dense(2, name="fc")(x * factor.value)


def test_whose_it_is():
    prepared = prepare(Pair(Scaled(2.0), Port(), np.ones((4, 3), np.float32)))
    saved = {"fc.bias": np.zeros(2)}
    assert {name: array.tolist() for name, array in with_unsaved(saved, prepared).items()} == {
        "factor": [2.0] * 3, "fc.bias": [0.0] * 2,
    }  # fmt: skip
    np.testing.assert_array_equal(with_unsaved(saved, prepared, Scaled(5.0))["factor"], np.full(3, 5.0))
    given = {"factor": np.zeros(3)}
    np.testing.assert_array_equal(with_unsaved(given, prepared)["factor"], np.zeros(3))
