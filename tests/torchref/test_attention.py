"""The reference's attention."""

import pytest
import torch

from torchref.attention import attention


@pytest.fixture
def arrays() -> dict[str, torch.Tensor]:
    """Two heads, five positions, in double."""
    generator = torch.Generator().manual_seed(0)
    shape = (2, 5, 2, 4)
    drawn = {
        name: torch.randn(shape, generator=generator, dtype=torch.float64) for name in ("queries", "keys", "values")
    }
    return drawn | {"slopes": torch.tensor([0.5, 0.25], dtype=torch.float64)}


def test_the_three_ways_are_one(arrays: dict[str, torch.Tensor]) -> None:
    """By score, by one call and by formula, in double; the first position sees itself alone."""
    told = attention(**arrays)
    torch.testing.assert_close(told["by score"], told["by formula"], rtol=1e-13, atol=1e-14)
    torch.testing.assert_close(told["by one call"], told["by formula"], rtol=1e-13, atol=1e-14)
    torch.testing.assert_close(told["by score"][:, 0], arrays["values"][:, 0], rtol=1e-14, atol=0)


def test_no_position_sees_a_later_one(arrays: dict[str, torch.Tensor]) -> None:
    """The last position's key and value reach the last position's output alone."""
    before = attention(**arrays)["by score"]
    for name in ("keys", "values"):
        arrays[name][:, -1] += 1
    after = attention(**arrays)["by score"]
    assert torch.equal(before[:, :-1], after[:, :-1])
    assert not torch.equal(before[:, -1], after[:, -1])


def test_what_enters_is_left_without_a_gradient(arrays: dict[str, torch.Tensor]) -> None:
    """The leaves are copies."""
    attention(**arrays)
    assert not any(array.requires_grad for array in arrays.values())
