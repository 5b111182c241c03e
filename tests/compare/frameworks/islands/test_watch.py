"""Torch's results, seen in order and rounded where that is asked for."""

import numpy as np
import pytest
import torch

from compare.frameworks.islands.lookout import Lookout
from compare.frameworks.islands.reference import promoted_torch
from compare.frameworks.islands.watch import Watch

TABLE = np.sin(np.arange(4, dtype=np.float32) * np.float32(0.3))
EXACT = np.sin(np.arange(4) * 0.3)


def made() -> torch.Tensor:
    return torch.sin(torch.arange(4).float() * 0.3)[None, :, None]


def test_what_stands_in_a_tables_place_is_seen_in_float64():
    """Where the run makes it, whatever its axes of length 1; the first one counts."""
    lookout = Lookout([TABLE, np.cos(TABLE)])
    with Watch(lookout), promoted_torch():
        _ = made() * (1 + 1e-9)
    (piece,) = lookout.pieces(0)
    np.testing.assert_allclose(piece.values, EXACT, rtol=1e-15)
    assert lookout.pieces(1) == []


def test_each_result_is_rounded_and_what_is_exact_is_not():
    """Positions, views and what autograd keeps; Python's numbers as an operation takes them."""
    with Watch(rng=np.random.default_rng(0)), promoted_torch():
        positions, table = torch.arange(4).float(), made()
        third = torch.ones(1) * (1 / 3)
    assert positions.tolist() == [0, 1, 2, 3]
    error = np.abs(table.numpy().ravel() - EXACT)
    assert 1e-8 < error.max() < 1e-6
    assert float(third) == np.float32(third.item()) != np.float32(1 / 3)


@pytest.mark.parametrize("change", [torch.Tensor.mul_, torch.Tensor.add_])
def test_what_is_written_in_place_is_rounded_in_place(change):
    """And counts as a result."""
    lookout = Lookout(wanted=range(9))
    with Watch(lookout, np.random.default_rng(0)), promoted_torch():
        tensor = torch.ones(3)
        change(tensor, 0.1)
    np.testing.assert_array_equal(tensor.numpy(), tensor.float().numpy())
    np.testing.assert_array_equal(list(lookout.kept.values())[-1], tensor.numpy())
