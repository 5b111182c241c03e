"""What a reference rounds below the working precision, seen while it runs, autocast's casts too."""

import pytest
import torch
import torch.nn.functional as F

from compare.frameworks.islands.low_reference import Roundings
from compare.frameworks.islands.lowered import Kept
from compare.frameworks.islands.reference import promoted_torch
from compare.frameworks.islands.roundings import Book

X, W = torch.linspace(0.1, 1, 12).reshape(3, 4), torch.linspace(-1, 1, 16).reshape(4, 4)


def book_of(function, x=X, w=W, precision="float32"):
    book = Book(precision)
    noted = Roundings(book)
    noted.input(x, "x")
    noted.weight(w, frozenset({"w"}), "layer")
    with noted:
        function(x, w)
    return book


def low_operands(book):
    return {"".join(sorted(reach)): dict(one.low) for reach, one in book.operands.items() if one.low}


def autocast(x, w):
    with torch.autocast("cpu", torch.bfloat16):
        return torch.tanh(F.linear(x, w).float())


def into_a_view(x, w):
    cache = torch.zeros(5, 4, dtype=torch.bfloat16)
    cache[:3] = x
    return cache.float() @ w


@pytest.mark.parametrize(
    ("function", "expected"),
    [
        (lambda x, w: x.bfloat16(), [("x", "bfloat16")]),
        (lambda x, w: x.half().float(), [("x", "float16")]),
        (lambda x, w: x.bfloat16().tanh(), [("x", "bfloat16")]),
        (lambda x, w: x + torch.full((4,), 0.1, dtype=torch.bfloat16), [("", "bfloat16")]),
        (lambda x, w: x + torch.full((4,), 0.5, dtype=torch.bfloat16), []),
        (lambda x, w: x + torch.tensor([0.1, 0.2, 0.3, 0.4]).bfloat16(), [("", "bfloat16")]),
        (lambda x, w: x + torch.tensor([0.1, 1 / 3, 1, 2], dtype=torch.bfloat16), [("", "bfloat16")]),
        (lambda x, w: x + torch.zeros(4, dtype=torch.bfloat16), []),
        (lambda x, w: torch.arange(600, dtype=torch.bfloat16), [("", "bfloat16")]),
        (lambda x, w: torch.arange(200, dtype=torch.bfloat16), []),
        (lambda x, w: x * (x > 0.5).bfloat16(), []),
        (lambda x, w: torch.arange(200, dtype=torch.bfloat16) * 0.1, [("", "bfloat16")]),
        (lambda x, w: x.double().float(), []),
    ],
)
def test_what_is_rounded_outside_products(function, expected):
    """Once for each value; what loses nothing is none."""
    book = book_of(function)
    found = [("".join(sorted(one.reach)), one.step.format) for one in book.others()]
    assert (found, low_operands(book)) == (expected, {})


@pytest.mark.parametrize(
    ("function", "expected"),
    [
        (autocast, {"x": {"bfloat16": 1}, "w": {"bfloat16": 1}}),
        (lambda x, w: x.bfloat16() @ w.bfloat16(), {"x": {"bfloat16": 1}, "w": {"bfloat16": 1}}),
        (lambda x, w: F.linear(x.bfloat16().float(), w), {"x": {"bfloat16": 1}}),
        (into_a_view, {"x": {"bfloat16": 1}}),
        (lambda x, w: x @ w, {}),
    ],
)
def test_which_operands_are_low(function, expected):
    """Whoever casts them."""
    assert low_operands(book_of(function)) == expected


def test_a_backward_pass_adds_nothing():
    """It rounds where its forward pass does."""
    x = X.clone().requires_grad_()
    book = book_of(lambda x, w: (x.bfloat16().float() * 2).sum().backward(), x)
    assert len(book.roundings) == 1


def test_at_bfloat16_neither_float32_nor_bfloat16_is_noted():
    """Each holds what the working precision does."""
    cast = [lambda x, w: x.float(), lambda x, w: x.bfloat16(), lambda x, w: x.half()]
    assert not any(book_of(function, X.bfloat16(), W.bfloat16(), "bfloat16").roundings for function in cast)


@pytest.mark.parametrize(
    "function",
    [autocast, lambda x, w: torch.tanh(x.bfloat16().to(x.dtype)) @ w, lambda x, w: (x @ w).half().to(x.dtype)],
)
def test_what_is_kept_is_rounded_in_float64_and_what_is_not_is_raised(function):
    """Autocast too, which leaves float64 alone."""
    book = book_of(function)
    steps = {one.step for one in book.roundings}.union(*(one.steps for one in book.operands.values()))
    x, w = X.double(), W.double()
    with promoted_torch(kept=Kept(frozenset(steps))):
        rounded = function(x, w)
    with promoted_torch():
        raised = function(x, w)
    low = function(X, W).double()
    assert rounded.dtype is torch.float64
    assert (rounded - low).abs().max() < 1e-2
    assert (rounded - low).abs().max() < (raised - low).abs().max()
    assert (rounded - raised).abs().max() > 1e-5
