"""The reference's random numbers."""

import torch

from torchref.randomness import own_streams


def test_a_stream_of_its_own_leaves_the_global_state_where_it_was() -> None:
    """And is not moved by another's draws."""
    state = torch.get_rng_state()
    before, after = own_streams()
    assert torch.equal(before, after)
    assert torch.equal(torch.get_rng_state(), state)


def test_a_generator_is_a_state() -> None:
    """A draw changes it; its state put back, the numbers come again."""
    generator = torch.Generator().manual_seed(0)
    state = generator.get_state()
    first = torch.randn(3, generator=generator)
    assert not torch.equal(generator.get_state(), state)
    assert torch.equal(torch.randn(3, generator=generator.set_state(state)), first)
