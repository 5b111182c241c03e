"""What a lesson's side returned, as a reader sees it."""

import numpy as np

SMALL = 16  # entries up to which an array is shown whole
FIRST = 3


def shown(value: object) -> str:
    """An array by its values if there are few, else by shape, dtype and its first entries; anything else as it is."""
    if isinstance(value, np.ndarray) and value.dtype.kind in "biufc":
        return _array(value)
    if isinstance(value, float):
        return f"{value:.6g}"
    return value if isinstance(value, str) else repr(value)


def _array(array: np.ndarray) -> str:
    with np.printoptions(precision=4, suppress=bool(array.size) and _plain(array), linewidth=40):
        if array.size <= SMALL:
            return str(array)
        first = ", ".join(_number(one) for one in array.reshape(-1)[:FIRST])
    return f"{array.shape} {array.dtype}: {first}, ..."


def _plain(array: np.ndarray) -> bool:
    """Whether digits after the dot tell it: neither tiny nor huge."""
    sizes = np.abs(array[np.isfinite(array) & (array != 0)]).astype(np.float64)  # float16 holds no 1e5
    return bool(sizes.size == 0 or (sizes.min() > 1e-3 and sizes.max() < 1e5))


def _number(value: np.generic) -> str:
    return f"{value:.4g}" if value.dtype.kind in "fc" else str(value)
