"""Of a reference that draws, what is the same whatever it draws; the caller's generator stays where it is."""

import numpy as np
import torch

from compare.frameworks.models.references import ReferenceModel
from compare.pair.pair import Entering, Pair
from compare.pair.sure_outputs import outputs_of_reference
from compare.verdict.precision import FLOAT64


class Drawing(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.w = torch.nn.Parameter(torch.ones(3))

    def forward(self, x):
        return {"sure": x * self.w, "drawn": x + torch.rand_like(x)}


def test_what_is_drawn_is_left_out():
    x, module = np.arange(3, dtype=np.float32), Drawing()
    pair = Pair(module, lambda p, x: x, x)
    batches = (pair.draw(np.random.default_rng(0)),)
    entering = Entering(weights={"w": np.full(3, 2.0)}, buffers={}, batches=batches, cotangent=1.0, hyper={}, seed=0)
    before = torch.get_rng_state()
    found = outputs_of_reference(pair, ReferenceModel(module), entering, None, FLOAT64)
    assert list(found) == ["output/sure"]
    np.testing.assert_array_equal(found["output/sure"], [0.0, 2.0, 4.0])
    assert torch.equal(before, torch.get_rng_state())
