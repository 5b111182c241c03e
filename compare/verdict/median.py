"""The median of an array's magnitudes, exactly, with memory that does not grow with the array."""

import numpy as np

BLOCK = 8192  # entries looked at together
SMALL = 1 << 16  # entries: up to here a median is found by sorting


def median_magnitude(array: np.ndarray) -> float:
    """The lower median of the magnitudes of the finite nonzero entries, exactly; 0.0 where there is none.

    Magnitudes of float64 sort like their bit patterns, so four counting sweeps over 16 bits each find the median
    with memory that does not grow with the array.
    """
    if array.size <= SMALL:
        magnitude = np.abs(np.asarray(array, np.float64))
        magnitude = np.sort(magnitude[np.isfinite(magnitude) & (magnitude > 0)])
        return float(magnitude[(magnitude.size - 1) // 2]) if magnitude.size else 0.0
    prefix, rank = 0, None
    for shift in (48, 32, 16, 0):
        counts = np.zeros(1 << 16, np.int64)
        for start in range(0, array.size, BLOCK):
            magnitude = np.abs(np.asarray(array[start : start + BLOCK], np.float64))
            bits = magnitude[np.isfinite(magnitude) & (magnitude > 0)].view(np.uint64)
            if rank is not None:
                bits = bits[(bits >> np.uint64(shift + 16)) == np.uint64(prefix)]
            digits = ((bits >> np.uint64(shift)) & np.uint64(0xFFFF)).astype(np.int64)
            counts += np.bincount(digits, minlength=1 << 16)
        below = np.cumsum(counts)
        if rank is None:
            if below[-1] == 0:
                return 0.0
            rank = int(below[-1] - 1) // 2
        digit = int(np.searchsorted(below, rank, side="right"))
        rank -= int(below[digit - 1]) if digit else 0
        prefix = (prefix << 16) | digit
    return float(np.array(prefix, np.uint64).view(np.float64))
