"""The reference's lessons on modules."""

import math

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
    """The global generator stands where it stood, and the same state gives the same figures."""
    before = torch.get_rng_state()
    first, second = (initialisers(torch.Generator().manual_seed(3)) for _ in range(2))
    assert first == second
    assert first["default, by name"]
    assert torch.equal(before, torch.get_rng_state())


def test_drawn_deviations_are_the_theoretical_ones() -> None:
    """Within one percent, 100,352 draws each; Flax's is sqrt(3) times as wide."""
    found = initialisers(torch.Generator().manual_seed(0))
    for side in ("torch", "Flax"):
        theory, drawn = (float(found[f"{side}: {word}"]) for word in ("standard deviation", "drawn standard deviation"))
        assert abs(drawn / theory - 1) < 0.01
    assert math.isclose(found["Flax: standard deviation"] / found["torch: standard deviation"], math.sqrt(3))
