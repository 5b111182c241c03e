"""What a promoted run of the reference keeps a record of."""

import numpy as np
import torch

from compare.frameworks.islands.reference import promoted_torch
from compare.frameworks.islands.seen import Seen, tensors_in, widen_tensor


def test_a_place_is_told_once_and_in_order():
    """However often the line runs."""

    def model(x):
        for _ in range(3):
            x = x.float() * 2
        return x.to(torch.float16)

    with promoted_torch() as seen:
        model(torch.ones(2, dtype=torch.float64))
    line = model.__code__.co_firstlineno
    assert seen == [f"tests/compare/frameworks/islands/test_seen.py:{line + n}" for n in (2, 3)]


def test_a_float32_tensor_from_outside_is_kept_once():
    """Not a mask, and not the same table again under another view."""
    table, mask = torch.sin(torch.arange(4.0)), torch.full((4,), -1e9)
    x = torch.ones(4, dtype=torch.float64)
    with promoted_torch() as seen:
        y = x * table + table[None] * mask + x * table[:2].repeat(2)
    assert y.dtype == torch.float64
    assert [(c.index, c.shape, c.dtype) for c in seen.constants] == [(0, (4,), "float32")]
    np.testing.assert_array_equal(seen.constants[0].values, table.double().numpy())


def test_widening_copies():
    """Complex, conjugate and half; what is changed later stays out of it."""
    tensor = torch.tensor([1 + 2j], dtype=torch.complex64)
    wide = widen_tensor(tensor.conj())
    tensor[0] = 0
    assert wide.tolist() == [1 - 2j]
    assert widen_tensor(torch.tensor([0.5], dtype=torch.bfloat16)).dtype == np.float64
    double = torch.ones(2, dtype=torch.float64)
    kept = widen_tensor(double)
    double.zero_()
    assert kept.tolist() == [1, 1]
    assert Seen() == []
    assert len(tensors_in({"a": [double, 3], "b": (double,)})) == 2
