"""Small arrays in JSON and back."""

import json

import ml_dtypes
import numpy as np
import pytest

from compare.checkpoints.array_form import array_from_form, array_to_form

ARRAYS = [
    np.array(7),
    np.arange(6, dtype=">f4").reshape(2, 3).T,
    np.array([1.5, np.nan], ml_dtypes.bfloat16),
    np.array([0.5], ml_dtypes.float8_e5m2),
    np.zeros((0, 2)),
    np.array([True, False]),
]


@pytest.mark.parametrize("array", ARRAYS, ids=lambda array: str(array.dtype))
def test_there_and_back_is_bit_identical(array):
    found = array_from_form(json.loads(json.dumps(array_to_form(array))))
    assert (found.dtype, found.shape) == (array.dtype, array.shape)
    assert found.tobytes() == array.tobytes()


@pytest.mark.parametrize(
    "change", [{"shape": [-1]}, {"shape": [3]}, {"data": "AAA!AAAA"}, {"data": "AAA"}, {"dtype": "O"}, {"dtype": "<f7"}]
)
def test_what_does_not_fit_is_refused(change):
    form = array_to_form(np.arange(2, dtype=np.int32)) | change
    with pytest.raises((ValueError, TypeError)):
        array_from_form(form)
