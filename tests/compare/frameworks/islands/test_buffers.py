"""Tables that a module computed when it was built."""

import torch

from compare.frameworks.islands.buffers import constants_torch


class Rotary(torch.nn.Module):
    """Buffers and plain tensors of every kind."""

    def __init__(self):
        super().__init__()
        inverse = 1 / 10000 ** (torch.arange(0, 6, 2).float() / 6)
        self.register_buffer("inverse", inverse, persistent=False)
        self.register_buffer("turns", torch.polar(torch.ones(4, 3), torch.outer(torch.arange(4.0), inverse)))
        self.register_buffer("mask", torch.full((4, 4), -1e9).triu(1))
        self.register_buffer("steps", torch.arange(4))
        self.register_buffer("exact", torch.sin(torch.arange(5, dtype=torch.float64)))
        self.register_buffer("lazy", torch.empty(3, device="meta"))
        self.plain = torch.sin(inverse)
        self.weight = torch.nn.Parameter(torch.sin(inverse))
        self.frozen = torch.nn.Parameter(torch.cos(inverse), requires_grad=False)


def test_tables_are_told_by_name_and_nothing_else_is():
    """In double by now, complex, never converted, or a frozen parameter; no mask, no parameter that trains, nothing
    computed in double."""
    model = torch.nn.Sequential(torch.nn.Linear(3, 3), Rotary()).double()
    found = constants_torch(model)
    assert [(c.index, c.name, c.dtype, c.shape) for c in found] == [
        (0, "1.inverse", "float64", (3,)),
        (1, "1.turns", "complex64", (4, 3)),
        (2, "1.frozen", "float64", (3,)),
        (3, "1.plain", "float32", (3,)),
    ]
    assert found[0].place == "Sequential.1.inverse"
    assert torch.equal(torch.from_numpy(found[0].values), model[1].inverse)
    assert constants_torch(torch.nn.BatchNorm1d(3).double()) == []
