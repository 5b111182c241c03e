"""The reference's lessons on modules."""

import math

import pytest
import torch
from torch import nn

from torchref.mlp import MLP
from torchref.modules import Listed, initialisers


def test_a_plain_list_hides_its_layers() -> None:
    """They compute, but no optimizer and no ``to`` finds them."""
    listed = Listed()
    assert listed(torch.zeros(2, 3)).shape == (2, 3)
    assert list(listed.parameters()) == []
    listed.layers = nn.ModuleList(listed.layers)
    assert sum(parameter.numel() for parameter in listed.parameters()) == 24


def test_the_state_shares_the_modules_memory() -> None:
    """``state_dict`` is a view, ``load_state_dict`` a copy into it."""
    model = MLP(in_dim=4, hidden=3, n_classes=2)
    state = model.state_dict()
    state["net.3.bias"].fill_(7)
    assert (model.net[3].bias == 7).all()
    model.load_state_dict({name: torch.zeros_like(one) for name, one in state.items()})
    assert (state["net.3.bias"] == 0).all()


def test_the_initialisers_draw_from_the_generator_alone() -> None:
    """The global generator stands where it stood, and the same state gives the same numbers: those of a new layer."""
    before = torch.get_rng_state()
    first, second = (initialisers(784, 128, torch.Generator().manual_seed(3)) for _ in range(2))
    assert all(map(torch.equal, first, second))
    assert torch.equal(before, torch.get_rng_state())
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(3)
        layer = nn.Linear(784, 128)
    assert torch.equal(layer.weight, first[0])
    assert torch.equal(layer.bias, first[1])


def test_drawn_deviations_are_the_theoretical_ones() -> None:
    """Within one percent, 100,352 draws each; Flax's is sqrt(3) times as wide."""
    weight, _, other = initialisers(784, 128, torch.Generator().manual_seed(0))
    assert weight.std().item() == pytest.approx(1 / math.sqrt(3 * 784), rel=0.01)
    assert other.std().item() == pytest.approx(1 / math.sqrt(784), rel=0.01)
