"""What torch's compiler leaves of a function where it cuts it."""

import warnings

import torch

from compare.frameworks.recording.torch_cut import Cutting

USERS_MODELS = True


def cut(function, *args):
    """What is noted of a function's forward and backward pass."""
    torch._dynamo.reset()
    cutting = Cutting()
    with warnings.catch_warnings():  # torch's compiler imports what torch deprecates
        warnings.simplefilter("ignore")
        torch.compile(function, backend=cutting)(*args).backward()
    return cutting


def test_the_same_of_the_same_is_made_once():
    """Two sines of one array; what is run once is kept."""
    x = torch.randn(4, 4, requires_grad=True)
    found = cut(lambda x: (torch.sin(x) * torch.exp(x) + torch.sin(x)).sum(), x)
    assert "sin" in found.duplicate
    assert found.kept.count("sin") == 1
    assert "exp" in found.kept


def test_a_view_moves_nothing_and_an_activation_is_made_again():
    """What costs little is made again by the backward graph rather than kept."""
    w = torch.randn(4, 4, requires_grad=True)
    found = cut(lambda x: torch.relu(torch.cos(x @ w.t()) + 1).sum(), torch.randn(8, 4))
    assert {"permute", "t"} & set(found.in_place)
    assert found.again
    assert set(found.again) <= set(found.kept)
