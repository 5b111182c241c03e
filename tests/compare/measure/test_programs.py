"""The programs that a reader can run alone, as the book runs them."""

import torch

from compare.measure.programs import curves


def test_each_program_learns():
    """Three programs, one epoch: four of five digits are right, and torch's generator is where it was."""
    before = torch.random.get_rng_state()
    made = curves(epochs=1)
    assert [(curve.name, curve.side) for curve in made] == [("PyTorch", "torch"), ("Linen", "jax"), ("NNX", "jax")]
    assert all(len(curve.losses) == len(curve.shares) == 1 and curve.shares[0] > 0.8 for curve in made)
    assert torch.equal(torch.random.get_rng_state(), before)
