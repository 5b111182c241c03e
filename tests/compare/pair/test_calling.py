"""What is said of a function that was not called as it is meant to be."""

import numpy as np
import pytest
import torch

from compare import verify
from compare.errors import UsageError


def test_a_function_that_holds_its_weights_is_told_how_it_is_called():
    """Some converters return one of the inputs alone; following the advice, it is compared on its own weights."""
    module = torch.nn.Linear(3, 2)
    kernel, bias = (tensor.detach().numpy() for tensor in (module.weight, module.bias))
    x = np.ones((4, 3), np.float32)

    def closed(x):
        return x @ kernel.T + bias

    with pytest.raises(UsageError, match=r"called as function\(parameters, \*inputs\)") as raised:
        verify(module, closed, x, device="cpu", quick=True)
    assert "accept=('*',)" in str(raised.value)
    report = verify(module, (lambda p, x: closed(x), {}), x, accept=("*",), device="cpu", quick=True)
    assert str(report.verdict) == "match"
