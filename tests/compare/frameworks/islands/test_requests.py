"""What the user's code asks of torch, before torch rounds it."""

import math

import numpy as np
import pytest
import torch

from compare.frameworks.islands.reference import promoted_torch

THIRD = 1 / 3


@pytest.mark.parametrize(
    "make",
    [
        lambda: torch.tensor(THIRD),
        lambda: torch.tensor(THIRD, dtype=torch.float32),
        lambda: torch.tensor([THIRD], dtype=torch.bfloat16)[0],
        lambda: torch.as_tensor([THIRD, 1], dtype=torch.float32)[0],
        lambda: torch.asarray([THIRD], dtype=torch.float16)[0],
        lambda: torch.ones(2, dtype=torch.float64).new_tensor([THIRD], dtype=torch.float32)[0],
        lambda: torch.scalar_tensor(THIRD, dtype=torch.float32),
        lambda: torch.tensor([1, 2])[0] / 3,
        lambda: torch.ones(2)[0] / 3,
    ],
)
def test_a_python_number_is_not_rounded(make):
    """And the line is told."""
    with promoted_torch() as seen:
        made = make()
    assert made.dtype == torch.float64
    assert made.item() == THIRD
    assert seen == [f"tests/compare/frameworks/islands/test_requests.py:{make.__code__.co_firstlineno}"]


def test_what_was_double_already_is_no_island():
    """Explicit float64, float64 arrays, tensors made like a double one; what a library makes for itself."""
    x = torch.ones(2, dtype=torch.float64, requires_grad=True)
    with promoted_torch() as seen:
        for made in (
            torch.zeros(2, dtype=torch.float64),
            torch.tensor(np.ones(2)),
            x.new_ones(2),
            torch.arange(3).double(),
        ):
            assert made.dtype == torch.float64
        torch.utils.checkpoint.checkpoint(torch.sin, x, use_reentrant=False).sum().backward()
        assert written_by_torch()["make"]().dtype == torch.float64
    assert seen == []


def written_by_torch():
    """A namespace with a function that makes a tensor for torch's own use."""
    space = {"torch": torch}
    exec(compile("def make():\n    return torch.ones(2)", torch.__file__, "exec"), space)
    return space


def test_an_array_that_was_rounded_before_is_a_constant():
    """Once, however often it is used. A single number is taken for the decimal that it can be."""
    table = np.sin(np.arange(4, dtype=np.float32))
    with promoted_torch() as seen:
        made = torch.tensor(table, dtype=torch.float32), torch.from_numpy(table), torch.tensor(table.tolist())
        number = torch.tensor(np.float32(0.1))
    assert {each.dtype for each in made} == {torch.float64}
    assert [constant.shape for constant in seen.constants] == [(4,)]
    assert number.item() == 0.1


def test_a_numpy_scalar_in_an_operation_is_a_constant():
    """torch takes it for a Python number, rounded as it is; each place and value once."""
    x = torch.ones(2, dtype=torch.float64)
    with promoted_torch() as seen:
        for _ in range(3):
            y = x * np.float32(0.1) + np.float32(0.5)
    assert y[0].item() == float(np.float32(0.1)) + 0.5
    assert [(c.shape, c.values.item()) for c in seen.constants] == [((), float(np.float32(0.1)))]


def test_an_epsilon_left_to_the_dtype_is_float32s():
    """The promoted run stands for one in float32: ``rms_norm`` would take float64's."""
    x = torch.full((1, 4), 1e-4, dtype=torch.float64)
    want = 1e-4 / math.sqrt(1e-8 + torch.finfo(torch.float32).eps)
    with promoted_torch():
        found = [
            torch.nn.RMSNorm(4, dtype=torch.float64)(x),
            torch.nn.functional.rms_norm(x, (4,), None, None),
            torch.rms_norm(x, (4,)),
        ]
        given = torch.nn.functional.rms_norm(x, (4,), eps=1e-2)
    for each in found:
        assert each[0, 0].item() == pytest.approx(want, rel=1e-14)
    assert given[0, 0].item() == pytest.approx(1e-4 / math.sqrt(1e-8 + 1e-2), rel=1e-14)


class Scaled(torch.autograd.Function):
    """A constant that only the backward pass makes."""

    @staticmethod
    def forward(ctx, x):
        return x * 2

    @staticmethod
    def backward(ctx, g):
        return g * torch.tensor(THIRD, dtype=torch.float32)


@pytest.mark.parametrize(
    "differentiate",
    [
        lambda y, x: y.backward() or x.grad,
        lambda y, x: y.backward(gradient=torch.tensor(1.0)) or x.grad,
        lambda y, x: torch.autograd.backward(y) or x.grad,
        lambda y, x: torch.autograd.grad(y, x)[0],
        lambda y, x: torch.autograd.grad([y], [x], grad_outputs=[torch.ones_like(y)])[0],
    ],
)
def test_the_backward_pass_asks_too(differentiate):
    """Every way to start it; afterwards torch is as it was."""
    before = torch.autograd.has_torch_function
    x = torch.ones(2, dtype=torch.float64, requires_grad=True)
    with promoted_torch() as seen:
        grad = differentiate(Scaled.apply(x).sum(), x)
    assert grad.tolist() == [THIRD, THIRD]
    assert f"tests/compare/frameworks/islands/test_requests.py:{Scaled.backward.__code__.co_firstlineno + 2}" in seen
    assert torch.autograd.has_torch_function is before
