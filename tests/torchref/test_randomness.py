"""The reference's random numbers."""

import torch

from torchref.randomness import randomness


def test_the_lesson_leaves_the_global_state_where_it_was() -> None:
    """It seeds and draws, and puts back what it found."""
    before = torch.get_rng_state()
    randomness(torch.Generator().manual_seed(0), torch.ones(4, 2))
    assert torch.equal(torch.get_rng_state(), before)


def test_a_generator_is_a_state() -> None:
    """A draw changes it; its state put back, the numbers come again."""
    generator = torch.Generator().manual_seed(0)
    state = generator.get_state()
    first = torch.randn(3, generator=generator)
    assert not torch.equal(generator.get_state(), state)
    assert torch.equal(torch.randn(3, generator=generator.set_state(state)), first)
