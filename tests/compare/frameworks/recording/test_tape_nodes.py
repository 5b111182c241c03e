"""The tape in the engine's order, and what each node keeps."""

import pytest
import torch
from torch.utils.checkpoint import checkpoint

from compare.frameworks.recording.tape_nodes import engine_order, name_of_node, saved_by


class Sine(torch.autograd.Function):
    """A rule of one's own that keeps one tensor as torch asks for, and one as it should not."""

    @staticmethod
    def forward(ctx, a):
        ctx.save_for_backward(a.cos())
        ctx.beside = a.exp()
        return a.sin()

    @staticmethod
    def backward(ctx, g):
        return g * ctx.saved_tensors[0]


def branching(w):
    """Two branches of different length that meet, one of them written last."""
    return ((w.exp() * w).tanh() + w.cos()).sum() + (w * 2).sum()


def recurrent(w):
    """A state that is used twice in every step."""
    h = w
    for _ in range(3):
        h = (h * w).tanh() + h
    return h.sum()


def inner_gradient(w):
    """A gradient inside the loss."""
    (gradient,) = torch.autograd.grad((w**3).sum(), w, create_graph=True)
    return (gradient**2).sum() + w.sum()


@pytest.mark.parametrize("loss_of", [branching, recurrent, inner_gradient])
def test_the_order_is_the_engines(loss_of):
    """As hooks see the nodes run; a leaf's node runs as soon as all its users have."""
    loss = loss_of(torch.linspace(0.1, 1.0, 4, requires_grad=True))
    order, ran = engine_order(loss.grad_fn), []
    for at, node in enumerate(order):
        node.register_prehook(lambda grads, at=at: ran.append(at))
    loss.backward()
    assert ran == list(range(len(order)))


def test_lists_and_custom_functions_are_on_the_tape_too():
    """An index saves a list of tensors, and a function of one's own what it chose to save, and what it left lying."""
    x = torch.randn(5, requires_grad=True)
    loss = Sine.apply(x[torch.tensor([0, 3, 3])]).sum()
    saved = {
        (name_of_node(node), one.name, str(one.tensor.dtype))
        for node in engine_order(loss.grad_fn)
        for one in saved_by(node)
    }
    assert saved == {
        ("SineBackward", "saved_tensors[0]", "torch.float32"),
        ("SineBackward", "beside", "torch.float32"),
        ("IndexBackward0", "indices[0]", "torch.int64"),
    }


def test_what_a_checkpoint_will_make_again_is_not_kept():
    """Nor is it made again by looking; what it is made of is kept, and is the same for all."""
    ran = []

    def body(a):
        ran.append(1)
        return a.sin().cos()

    x = torch.randn(5, requires_grad=True)
    loss = checkpoint(body, x, use_reentrant=False).sum()
    kept = {name_of_node(node): [one.tensor for one in saved_by(node)] for node in engine_order(loss.grad_fn)}
    for name in ("SinBackward0", "CosBackward0"):
        first, entered = kept[name]
        assert (first, entered.data_ptr()) == (None, x.data_ptr())
    assert len(ran) == 1
