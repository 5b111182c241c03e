"""The reference's gradient as a program without a tape."""

import pytest
import torch

from compare.frameworks.recording.dispatch_record import DispatchRecorder
from compare.frameworks.recording.traced_function import run_noted, traced_function

USERS_MODELS = True
ARGS = ({"w": torch.randn(3, 4)}, torch.randn(5, 3))


def loss(params, x):
    """A product and an activation, cast on the way as a model with a float32 island does it."""
    return torch.tanh(x @ params["w"]).to(torch.float32).sum()


def test_it_returns_the_gradient_and_records_nothing():
    """The same as ``backward()``; none of its results has a node."""
    program = traced_function(loss, ARGS)
    gradient, value = program(*ARGS)
    leaf = ARGS[0]["w"].clone().requires_grad_()
    plain = loss({"w": leaf}, ARGS[1])
    plain.backward()
    assert torch.allclose(gradient["w"], leaf.grad)
    assert value.grad_fn is None
    assert torch.allclose(value, plain)


def test_every_operation_is_noted_in_double():
    """Forward and backward, whatever dtype the program names."""
    recorder = DispatchRecorder(0)
    args = ({"w": ARGS[0]["w"].double()}, ARGS[1].double())
    value = run_noted(traced_function(loss, ARGS), args, recorder)
    names = [one.name for one in recorder.record.operations]
    assert names.count("mm") == 2
    assert {"tanh", "tanh_backward"} <= set(names)
    assert value.dtype is torch.float64
    assert recorder.record.values[recorder.value(value)] == pytest.approx(float(loss(*args)), rel=1e-6)


def test_what_torch_func_does_not_take_is_raised():
    """A rule of one's own without its context apart."""

    class Square(torch.autograd.Function):
        @staticmethod
        def forward(ctx, x):
            ctx.save_for_backward(x)
            return x**2

        @staticmethod
        def backward(ctx, gradient):
            return 2 * ctx.saved_tensors[0] * gradient

    with pytest.raises(RuntimeError, match="setup_context"):
        traced_function(lambda params: Square.apply(params["w"]).sum(), ARGS[:1])
