"""The masks that both sides replay: pure functions of a seed, so that nobody has to carry them about."""

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Dropout:
    """One dropout that was met while a side ran.

    ``index`` counts from 0 in order of execution. ``shape`` is that of its mask, with 1s where a feature is dropped
    whole. ``rate`` is the probability that an entry is zeroed. ``where`` is the file:line of the code outside the
    framework that led to it.
    """

    index: int
    shape: tuple[int, ...]
    rate: float
    where: str


def draw(seed: int, index: int, shape: Iterable[int], rate: float) -> np.ndarray:
    """The mask of the dropout number ``index``: booleans of ``shape``, each True (keep) with probability 1 - ``rate``.

    A pure function of its arguments: every run, on either side and at any precision, gets the same mask. Rates are
    resolved to 2**-32; rate 0 keeps everything and rate 1 nothing. Raises ValueError where ``seed`` or ``index`` is
    negative or ``rate`` is not between 0 and 1.
    """
    if not 0.0 <= rate <= 1.0:
        raise ValueError(f"a dropout rate is between 0 and 1, not {rate}")
    shape = tuple(int(length) for length in shape)
    size = int(np.prod(shape, dtype=np.int64))
    # Raw bits, since NumPy promises that these, and not what Generator makes of them, stay the same between versions.
    bits = np.random.PCG64(np.random.SeedSequence([seed, index])).random_raw((size + 1) // 2)
    words = np.asarray(bits).astype("<u8", copy=False).view("<u4")[:size]
    return (words < round((1.0 - rate) * 2**32)).reshape(shape)
