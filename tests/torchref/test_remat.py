"""Checkpoints change what is kept, and nothing else."""

import numpy as np
import torch

from torchref.remat import checkpointing


def test_the_gradient_is_the_same_and_only_the_inputs_are_kept() -> None:
    """Two blocks of 7 on 5 rows of 3: the first input is the caller's; the last output is the loss's."""
    rng = np.random.default_rng(0)
    shapes = {"x": (5, 3), "up": (2, 3, 7), "down": (2, 7, 3)}
    seen = checkpointing(**{name: torch.tensor(rng.standard_normal(shape)) for name, shape in shapes.items()})
    torch.testing.assert_close(seen["gradient with checkpoints"], seen["gradient"], rtol=0, atol=0)
    assert seen["bytes kept with checkpoints"] == 2 * 5 * 3 * 8
    assert seen["bytes kept"] == 2 * 5 * 3 * 8 + 2 * 5 * 7 * 8
    assert seen["runs of each block"] == (1, 2)
