"""What is judged of torchref/randomness.py."""

from collections.abc import Callable

import torch
from torch import Tensor

from compare.lessons.row import Quantities
from torchref.randomness import own_streams


def randomness(function: Callable[..., tuple[Tensor, ...]], generator: torch.Generator, drawn: Tensor) -> Quantities:
    """What a seed repeats, and what moves it."""
    with torch.random.fork_rng(devices=range(torch.cuda.device_count())):  # the global state, put back afterwards
        first, shifted, once, twice, weights = function(generator, drawn)
        torch.manual_seed(3)
        again = torch.randn(4)
    before, after = own_streams()
    return {
        "same seed, same numbers": torch.equal(first, again),
        "moved by a draw before": not torch.equal(first, shifted),
        "moved by a draw of another stream": not torch.equal(before, after),
        "same source twice, same numbers": torch.equal(once, twice),
        "numbers of seed 3": first,
        "weights from NumPy": weights,
    }
