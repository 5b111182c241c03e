"""Checkpoints change what is kept, and nothing else."""

import numpy as np
import torch

from compare.lessons.judged.counted_torch import bytes_kept, leaves
from torchref.remat import checkpointing, deep_loss


def test_the_gradient_is_the_same_and_only_the_inputs_are_kept() -> None:
    """Two blocks of 7 on 5 rows of 3: the first input is the caller's; the last output is the loss's."""
    rng = np.random.default_rng(0)
    shapes = {"x": (5, 3), "up": (2, 3, 7), "down": (2, 7, 3)}
    x, up, down = (torch.tensor(rng.standard_normal(shape)) for shape in shapes.values())
    kept, made_again = checkpointing(x, up, down)
    torch.testing.assert_close(made_again, kept, rtol=0, atol=0)
    weights = leaves(up=up, down=down)
    held = [x, *weights.values()]
    assert bytes_kept(lambda: deep_loss(x, **weights, again=True), held) == 2 * 5 * 3 * 8
    assert bytes_kept(lambda: deep_loss(x, **weights, again=False), held) == 2 * 5 * 3 * 8 + 2 * 5 * 7 * 8
