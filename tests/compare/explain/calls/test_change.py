"""Changes of the reference: calls replaced, attributes set, weights entering changed."""

import copy
from contextlib import ExitStack

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn import functional as F

from compare.explain.calls.change import Change, recorded
from compare.explain.calls.counting import Calls, counting
from compare.frameworks.dropout.reference import replayed
from compare.frameworks.islands.reference import promoted_torch
from tests.compare.explain.doctor import blocks
from tests.compare.explain.doctor.blocks import X, numbers


@pytest.fixture
def block():
    return blocks.block()


def ran(module, x, change=None):
    change = change or Change()
    module = copy.deepcopy(module)
    x = x.clone().requires_grad_()
    with change.applied(module):
        out = module(x)
        loss = F.mse_loss(out, torch.zeros_like(out))
        loss.backward()
    return out.detach(), x.grad


def test_a_replaced_call_changes_values_and_gradients(block):
    """As if the module had been written that way."""
    number = numbers(block, X)["gelu"].number
    tanh = Change(calls={number: lambda func, args, kwargs: func(*args, approximate="tanh")})
    out, grad = ran(block, X, tanh)
    x = X.clone().requires_grad_()
    expected = F.gelu(block.fc(block.norm(x)), approximate="tanh") * 2 + x
    F.mse_loss(expected, torch.zeros_like(expected)).backward()
    assert torch.equal(out, expected.detach())
    assert torch.equal(grad, x.grad)
    assert not torch.equal(out, ran(block, X)[0])


def test_an_operation_in_place_stays_in_place(block):
    """The replaced one writes where the original would have."""
    number = numbers(block, X)["add"].number
    out, _ = ran(block, X, Change(calls={number: lambda func, args, kwargs: args[0]}))
    assert torch.equal(out, (F.gelu(block.fc(block.norm(X))) * 2).detach())


def test_a_mask_that_is_inverted_stays_as_it_is():
    """``~mask`` begins like ``mask += 1`` and writes nowhere: what replaces it is its result; the mask stays."""

    class Masked(nn.Module):
        def forward(self, mask):
            return torch.cat([~mask, mask])

    mask, module = torch.tensor([True, False]), Masked()
    with recorded(module) as calls:
        module(mask)
    (inverted,) = (call for call in calls if call.name == "invert")
    with Change(calls={inverted.number: lambda func, args, kwargs: torch.zeros_like(args[0])}).applied(module):
        out = module(mask)
    assert (out.tolist(), mask.tolist()) == ([False, False, True, False], [True, False])


def test_an_operator_in_place_writes_where_the_user_reads():
    """``mask |= other``, which the user goes on with by another name."""

    class Masked(nn.Module):
        def forward(self, mask):
            kept = mask
            mask |= torch.ones_like(mask)
            return kept

    module = Masked()
    with recorded(module) as calls:
        module(torch.tensor([True, False]))
    (joined,) = (call for call in calls if call.name == "or")
    with Change(calls={joined.number: lambda func, args, kwargs: torch.zeros_like(args[0])}).applied(module):
        assert module(torch.tensor([True, False])).tolist() == [False, False]


def test_an_attribute_is_set_and_put_back(block):
    """The module itself is as it was afterwards."""
    with Change(attributes={("", "scale"): 3.0, ("norm", "eps"): 0.1}).applied(block):
        out = block(X)
    assert (block.scale, block.norm.eps) == (2.0, 1e-5)
    assert torch.equal(out, F.gelu(block.fc(F.layer_norm(X, (6,), block.norm.weight, block.norm.bias, 0.1))) * 3 + X)


def test_weights_enter_changed():
    """``entering`` is what whoever runs the reference asks."""
    change = Change(weights={"w": np.transpose})
    entered = change.entering({"w": np.arange(4).reshape(2, 2), "b": np.ones(2)})
    assert entered["w"].tolist() == [[0, 2], [1, 3]]
    assert entered["w"].flags.c_contiguous
    assert entered["b"].tolist() == [1, 1]


def test_two_changes_of_one_call_are_both_made(block):
    """The second is given the first in place of the function."""
    number = numbers(block, X)["mul"].number
    twice = Change(calls={number: lambda func, args, kwargs: 2 * func(*args)})
    plus = Change(calls={number: lambda func, args, kwargs: func(*args) + 1})
    own = numbers(block, X)["gelu"].number
    other = Change({own: lambda func, args, kwargs: args[0]}, {("", "scale"): 5.0}, {"w": np.negative})
    expected = 10 * block.fc(block.norm(X)) + 1 + X
    both = twice | plus | other
    assert torch.equal(ran(block, X, both)[0], expected.detach())
    assert (both | Change(weights={"w": lambda w: w + 1})).entering({"w": np.ones(1)})["w"] == 0


def _in_replay(module, x, change, outside):
    if outside:
        with change.applied(module), replayed(3):
            return module(x)
    with replayed(3), change.applied(module):
        return module(x)


@pytest.mark.parametrize("outside", [True, False], ids=["around the replay", "within the replay"])
def test_dropouts_replay_and_a_change_do_not_disturb_each_other(block, outside):
    """The masks are the replay's, the rate the change's."""
    block.train()
    plain = _in_replay(block, X, Change(), outside)
    with replayed(3):
        assert torch.equal(block(X), plain)
    rate = Change(attributes={("drop", "p"): 0.25})
    changed = _in_replay(copy.deepcopy(block), X, rate, outside)
    block.drop.p = 0.25
    with replayed(3):
        assert torch.equal(block(X), changed)


@pytest.mark.parametrize("outside", [True, False], ids=["around the replay", "within the replay"])
@pytest.mark.parametrize("name", ["layer_norm", "gelu", "add"])
def test_calls_are_counted_and_replaced_before_and_behind_another_mode(block, outside, name):
    """The replay hands on what it does not handle."""
    block.train()
    calls = Calls()
    recorder = counting(block, {}, calls)
    with ExitStack() as modes:
        for mode in (recorder, replayed(3)) if outside else (replayed(3), recorder):
            modes.enter_context(mode)
        plain = block(X)
    (number,) = [call.number for call in calls if call.name == name]
    change = Change(calls={number: lambda func, args, kwargs: 0.5 * func(*args, **kwargs)})
    assert not torch.equal(_in_replay(block, X, change, outside), plain)
    assert torch.equal(_in_replay(block, X, Change(), outside), plain)


def test_the_promoted_oracle_sees_through_a_change(block):
    """A float32 island is raised within a changed run too, replaced call or not."""

    class Island(nn.Module):
        def forward(self, x):
            return F.gelu(x.float()) * 3

    number = numbers(Island(), X)["mul"].number
    with promoted_torch(), Change(calls={number: lambda func, args, kwargs: args[0].float() * 4}).applied(Island()):
        out = Island()(X)
    assert torch.equal(out, F.gelu(X) * 4)


def test_what_the_loss_takes_is_changed_one_after_another():
    """Outputs and targets by name, the first change first."""
    twice = Change(scored=(lambda outputs, targets: (2 * outputs, targets),))
    less = Change(scored=(lambda outputs, targets: (outputs - 1, {name: -one for name, one in targets.items()}),))
    assert (twice | less).scoring(3, {"y": 1}) == (5, {"y": -1})
    assert Change().scoring(3, {"y": 1}) == (3, {"y": 1})
