"""Random numbers: a stream that every draw moves on, global or in a generator of one's own."""

import math

import torch
from jaxtyping import Float
from torch import Tensor


def randomness(generator: torch.Generator, drawn: Float[Tensor, "inputs outputs"]) -> dict[str, object]:
    """Where random numbers come from: a state that moves on, or a key that does not."""
    with torch.random.fork_rng(devices=range(torch.cuda.device_count())):  # the global state, put back afterwards
        torch.manual_seed(3)
        first = torch.randn(4)
        torch.manual_seed(3)
        again = torch.randn(4)
        torch.manual_seed(3)
        torch.rand(1)  # one draw more, anywhere in the program
        shifted = torch.randn(4)

    weights_stream, noise_stream = torch.Generator().manual_seed(3), torch.Generator().manual_seed(4)
    noise = torch.randn(4, generator=noise_stream)
    noise_stream.manual_seed(4)
    torch.randn(4, generator=weights_stream)  # a stream of its own leaves the others where they are
    noise_after = torch.randn(4, generator=noise_stream)

    once, twice = torch.randn(4, generator=generator), torch.randn(4, generator=generator)
    weights = drawn / math.sqrt(drawn.shape[0])  # drawn by NumPy: the same array on any side
    return {
        "same seed, same numbers": torch.equal(first, again),
        "moved by a draw before": not torch.equal(first, shifted),
        "moved by a draw of another stream": not torch.equal(noise, noise_after),
        "same source twice, same numbers": torch.equal(once, twice),
        "numbers of seed 3": first,
        "weights from NumPy": weights,
    }
