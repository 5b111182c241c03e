"""A small array as JSON holds it: bit for bit, whatever the machine's byte order."""

import base64
from typing import TypedDict

import numpy as np

from compare.checkpoints.checkpoint import DTYPES, EXTENDED


class Constant(TypedDict):
    """NumPy's name of the dtype with the byte order, or of what NumPy lacks the name alone; the bytes in base64."""

    dtype: str
    shape: list[int]
    data: str


def array_to_form(array: np.ndarray) -> Constant:
    """``array`` as JSON holds it."""
    data = base64.b64encode(np.ascontiguousarray(array).tobytes()).decode()
    dtype = array.dtype.name if array.dtype.name in EXTENDED else array.dtype.str
    return {"dtype": dtype, "shape": list(array.shape), "data": data}


def array_from_form(form: Constant) -> np.ndarray:
    """The array that ``form`` is of.

    Raises:
        ValueError: shape, dtype and bytes do not fit each other.
    """
    dtype = DTYPES.get(form["dtype"]) or np.dtype(form["dtype"])
    array = np.frombuffer(base64.b64decode(form["data"], validate=True), dtype).reshape(form["shape"]).copy()
    if list(array.shape) != form["shape"]:
        raise ValueError(f"no array has the shape {form['shape']}")
    return array
