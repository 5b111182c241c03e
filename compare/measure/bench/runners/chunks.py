"""How many steps, each on a batch of its own, one call makes."""

from compare.measure.bench.runner import Unavailable

STEPS = 8


def steps_in_a_call(batches: int, most: int = STEPS) -> int:
    """The largest number up to ``most`` by which the batches divide.

    Raises:
        Unavailable: several steps were asked for, and there is one batch, or a prime number of them.
    """
    steps = max(number for number in range(1, most + 1) if batches % number == 0)
    if steps == 1 < most:
        raise Unavailable(f"{batches} batches do not divide into calls of 2 to {most} steps")
    return steps
