"""Random numbers: a stream that every draw moves on, global or in a generator of one's own."""

import math

import torch
from jaxtyping import Float
from torch import Tensor


def randomness(
    generator: torch.Generator, drawn: Float[Tensor, "inputs outputs"]
) -> tuple[Tensor, Tensor, Tensor, Tensor, Float[Tensor, "inputs outputs"]]:
    """Where random numbers come from: a state that each draw moves on.

    Returns:
        Four numbers of seed 3; four with a draw more before them; four of ``generator`` and its next four; weights from
        numbers that NumPy drew.
    """
    torch.manual_seed(3)
    first = torch.randn(4)
    torch.manual_seed(3)
    torch.rand(1)  # one draw more, anywhere in the program
    shifted = torch.randn(4)  # and all that come after it are others

    once = torch.randn(4, generator=generator)  # a state of its own: no draw elsewhere moves it
    twice = torch.randn(4, generator=generator)
    weights = drawn / math.sqrt(drawn.shape[0])  # drawn by NumPy: the same array on any side
    return first, shifted, once, twice, weights


def own_streams() -> tuple[Tensor, Tensor]:
    """Four numbers of a stream of its own, twice from its start: a draw of another stream between changes nothing."""
    weights, noise = torch.Generator(), torch.Generator()
    noise.manual_seed(4)
    before = torch.randn(4, generator=noise)
    torch.randn(4, generator=weights.manual_seed(3))
    noise.manual_seed(4)
    after = torch.randn(4, generator=noise)
    return before, after
