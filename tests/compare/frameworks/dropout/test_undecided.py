"""Uniform draws that decide nothing are no randomness of a model's; whatever else is drawn is."""

import pytest
import torch

from compare.frameworks.dropout.reference import replayed

X = torch.linspace(-1.0, 1.0, 12).reshape(3, 4)


def layer_drop(x, rate):
    """As transformers writes it."""
    return x if torch.rand([]) < rate else 2 * x


def path(x, keep):
    """As timm wrote it: floor of the share that is kept plus a draw."""
    mask = keep + torch.rand((len(x), 1), dtype=x.dtype)
    mask.floor_()
    return x / max(keep, 0.1) * mask


def rows(x, rate):
    return x * (torch.empty(len(x), 1).uniform_(0, 1) >= rate).to(x.dtype)


def viewed(x, rate):
    return x * (torch.rand_like(x)[:, :1].view(3, 1) < rate).logical_not()


def drawn_by(function, *args):
    with replayed(0) as record:
        result = function(*args)
    return record.not_compared, result


@pytest.mark.parametrize(
    ("function", "never", "sometimes"),
    [(layer_drop, 0.0, 1e-6), (path, 1.0, 0.999), (rows, 0.0, 0.5), (viewed, 0.0, 1e-6), (rows, 1.0, 0.999999)],
)
def test_a_draw_compared_with_a_rate_that_never_acts_is_none(function, never, sometimes):
    """At 0, or at 1; a rate that acts once in a million draws is the model's randomness still."""
    with_it, result = drawn_by(function, X, never)
    assert with_it == []
    assert torch.equal(result, drawn_by(function, X, never)[1])
    [line] = drawn_by(function, X, sometimes)[0]
    assert "drawn by hand, at " in line
    assert __file__.rpartition("/")[2] in line


@pytest.mark.parametrize(
    "function",
    [
        lambda x: torch.rand(3),
        lambda x: x + torch.rand_like(x),
        lambda x: x.clone().add_(torch.rand_like(x)),
        lambda x: torch.rand_like(x) - torch.rand_like(x) < 5.0,
        lambda x: torch.sin(7 * torch.rand_like(x)) < 2.0,
        lambda x: x @ torch.rand(4, 4),
        lambda x: (torch.rand_like(x).requires_grad_() * x).sum(),
        lambda x: x * (torch.randn_like(x) < -1e30),
    ],
)
def test_what_is_drawn_otherwise_is_the_models(function):
    """Used, returned, put together with another draw, sent through what is not monotone, or not uniform."""
    assert 1 <= len(drawn_by(function, X)[0]) <= 2


def test_one_draw_may_decide_later():
    """Compared with 0 first and with something else then."""

    def twice(x):
        draw = torch.rand(())
        return x * (draw < 0.0) + x * (draw < 0.5)

    assert len(drawn_by(twice, X)[0]) == 1


@pytest.mark.parametrize("keep", [0.0, 1.0])
def test_bernoulli_keeps_all_or_nothing_without_a_draw(keep):
    """Of a number; a tensor of them is not looked at."""
    assert drawn_by(lambda x: x * x.new_empty((3, 1)).bernoulli_(keep), X)[0] == []
    assert len(drawn_by(lambda x: x * x.new_empty((3, 1)).bernoulli_(0.5), X)[0]) == 1
