"""A run of torch written down: values, nodes, layers, and whose each operation is."""

import numpy as np
import torch
from torch import nn
from torch.nn import functional as F

from compare.frameworks.dropout.masks import draw
from compare.frameworks.recording.dispatch_record import DispatchRecorder, array_of, layers_noted
from compare.frameworks.recording.tape_nodes import engine_order, name_of_node

USERS_MODELS = True


def recorded(module, *inputs, loss_of=torch.sum):
    """A module's loss and backward pass, and the names of the nodes by operation."""
    recorder = DispatchRecorder(0)
    with layers_noted(module, recorder), recorder:
        loss = loss_of(module(*inputs))
        nodes = engine_order(loss.grad_fn)
        recorder.expect(nodes)
        loss.backward()
    recorder.record.attach(nodes)
    return recorder.record


def by_name(record, name, late=False):
    """The operations of that name."""
    return [one for one in record.operations if one.name == name and one.late is late]


def test_each_operation_has_its_node_and_layer():
    """Forward the node that it made, backward the node that ran it."""
    record = recorded(nn.Sequential(nn.Linear(3, 4), nn.Tanh()), torch.randn(2, 3))
    (product,), (tanh,), (back,) = (
        by_name(record, "addmm"),
        by_name(record, "tanh"),
        by_name(record, "tanh_backward", True),
    )
    assert (name_of_node(product.node), product.path) == ("AddmmBackward0", "0")
    assert (name_of_node(tanh.node), tanh.path) == ("TanhBackward0", "1")
    assert back.node is tanh.node
    assert tanh.operands == product.results


def test_gradients_that_meet_are_added_by_the_engine():
    """The sum is no node's, though one has just run."""

    class Twice(nn.Module):
        def __init__(self):
            super().__init__()
            self.weight = nn.Parameter(torch.ones(4))

        def forward(self, x):
            y = x * self.weight
            return y.sin() + y.clone()

    record = recorded(Twice(), torch.arange(4.0))
    assert [one.node for one in by_name(record, "add", late=True)] == [None]


def test_what_is_written_in_place_is_another_value():
    """The one before stays what it was, and a view taken before is read as what it has become."""

    class Writing(nn.Module):
        def __init__(self):
            super().__init__()
            self.weight = nn.Parameter(torch.ones(4))

        def forward(self, x):
            y = x * self.weight
            part = y[:2]
            y.mul_(3.0)
            return part + 1

    record = recorded(Writing(), torch.arange(4.0))
    (product,), (written,), (added,) = (by_name(record, name) for name in ("mul", "mul_", "add"))
    assert record.values[product.results[0]].tolist() == [0, 1, 2, 3]
    assert record.values[written.results[0]].tolist() == [0, 3, 6, 9]
    assert record.values[added.operands[0]].tolist() == [0, 3]
    (view,) = [one for one in record.operations if added.operands[0] in one.results]
    assert view.operands == written.results


def test_a_dropout_draws_the_mask_of_its_number():
    """As people write it: the nodes are torch's own, and the mask is the project's."""
    record = recorded(nn.Sequential(nn.Linear(3, 40), nn.Dropout(0.25)), torch.randn(2, 3))
    assert record.dropped == [((2, 40), 0.25)]
    (kept,) = by_name(record, "bernoulli_")
    assert np.array_equal(record.values[kept.results[0]], draw(0, 0, (2, 40), 0.25))
    assert {name_of_node(one.node) for one in by_name(record, "mul")} == {"MulBackward0"}


def test_a_function_of_ones_own_makes_one_node():
    """Whatever it computes inside; what runs after it without a gradient is none of it."""

    class Square(torch.autograd.Function):
        @staticmethod
        def forward(ctx, a):
            ctx.save_for_backward(a)
            return a.exp().log() * a

        @staticmethod
        def backward(ctx, g):
            return 2 * ctx.saved_tensors[0] * g

    class Model(nn.Module):
        def __init__(self):
            super().__init__()
            self.weight = nn.Parameter(torch.ones(3))

        def forward(self, x):
            y = Square.apply(x * self.weight)
            with torch.no_grad():
                y.mean()
            return y

    record = recorded(Model(), torch.arange(1.0, 4.0))
    names = {one.name: name_of_node(one.node) for one in record.operations if not one.late and one.node is not None}
    assert {name for name, node in names.items() if node == "SquareBackward"} == {"exp", "log", "mul"}
    assert "mean" not in names


def test_the_callers_own_operations_are_told_from_the_models():
    """``torch.sum`` of the caller is the caller's: here a test's, which counts as a user's code."""
    record = recorded(nn.Linear(3, 4), torch.randn(2, 3), loss_of=lambda out: F.mse_loss(out, torch.ones(2, 4)))
    assert all(one.own for one in record.operations if not one.late)
    assert by_name(record, "mse_loss")[0].path == ""


def test_other_numbers_enter_where_floats_and_truths_do():
    """What counts, or points, stays."""
    recorder = DispatchRecorder(0)
    with recorder:
        torch.where(torch.tensor([True, True, True]), torch.ones(3), torch.zeros(3))
        torch.ones(3)[torch.tensor([2, 0])]
    chosen, picked = (
        next(one for one in recorder.record.operations if one.name == name) for name in ("where", "index")
    )
    *_, result = chosen.again(np.random.default_rng(0))
    assert result.std() > 0
    table, at, rows = picked.again(np.random.default_rng(0))
    assert np.array_equal(rows, table[at])
    assert array_of(torch.tensor([1.5], dtype=torch.bfloat16)).dtype == np.float64
