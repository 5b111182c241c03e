"""The reference's attention."""

from collections.abc import Callable, Iterator

import pytest
import torch

from torchref.attention import attention, by_one_call, by_score


@pytest.fixture
def arrays() -> dict[str, torch.Tensor]:
    """Two heads, five positions, in double."""
    generator = torch.Generator().manual_seed(0)
    shape = (2, 5, 2, 4)
    drawn = {
        name: torch.randn(shape, generator=generator, dtype=torch.float64) for name in ("queries", "keys", "values")
    }
    return drawn | {"slopes": torch.tensor([0.5, 0.25], dtype=torch.float64)}


def as_it_is(function: Callable[..., torch.Tensor]) -> Callable[..., torch.Tensor]:
    """Nothing is compiled."""
    return torch.compile(function, backend="eager")


@pytest.fixture(autouse=True)
def forget() -> Iterator[None]:
    """What one test compiled is not found by the next."""
    yield
    torch.compiler.reset()


def test_the_three_ways_are_one(arrays: dict[str, torch.Tensor]) -> None:
    """By formula, by one call and by score, in double; the first position sees itself alone."""
    written = attention(**arrays)
    for other in (by_one_call(**arrays), by_score(**arrays, compile=as_it_is)):
        torch.testing.assert_close(other, written, rtol=1e-13, atol=1e-14)
    torch.testing.assert_close(written[:, 0], arrays["values"][:, 0], rtol=1e-14, atol=0)


def test_no_position_sees_a_later_one(arrays: dict[str, torch.Tensor]) -> None:
    """The last position's key and value reach the last position's output alone."""
    before = attention(**arrays)
    for name in ("keys", "values"):
        arrays[name][:, -1] += 1
    after = attention(**arrays)
    assert torch.equal(before[:, :-1], after[:, :-1])
    assert not torch.equal(before[:, -1], after[:, -1])
