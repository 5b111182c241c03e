"""Every result of a torch model rounded to 50 bits: what equals, what is ordered and what is exact stays so."""

import numpy as np
import pytest
import torch

from compare.frameworks.rounding.reference import RoundedTorch, rounded

USERS_MODELS = True
BITS = 50
X = torch.from_numpy(np.random.default_rng(0).standard_normal((6, 4)))


def held(tensor: torch.Tensor) -> bool:
    """Whether every entry has at most 50 bits."""
    return bool((tensor.view(torch.int64) % 8 == 0).all())


def test_the_nearest_number_of_fifty_bits():
    """No further off than half of one of its units; ties and what is near them go to the nearest of both signs."""
    made = rounded(X, BITS)
    assert held(made)
    assert not held(X)
    assert float(((made - X) / X).abs().max()) <= 2.0**-BITS
    tenth = torch.tensor([0.1, -0.1], dtype=torch.float64)
    assert rounded(tenth, BITS).tolist() == [
        float(np.round(0.1 * 2**53) * 2.0**-53),
        -float(np.round(0.1 * 2**53) * 2.0**-53),
    ]


@pytest.mark.parametrize(
    "value", [0.0, -0.0, np.inf, -np.inf, np.nan, np.finfo(np.float64).max, np.finfo(np.float64).min]
)
def test_what_has_no_nearest_number_stays(value):
    """The largest would overflow: a mask of it is not infinite."""
    one = torch.tensor([value], dtype=torch.float64)
    assert rounded(one, BITS).numpy().tobytes() == one.numpy().tobytes()


def test_other_dtypes_stay():
    """Float32, integers and booleans are not float64's rounding; complex128 is, part by part."""
    for dtype in (torch.float32, torch.int64, torch.bool):
        one = (X * 10).to(dtype)
        assert rounded(one, BITS) is one
    both = torch.complex(X, 2 * X / 3)
    made = rounded(both, BITS)
    assert held(made.real.contiguous())
    assert held(made.imag.contiguous())
    assert float((made - both).abs().max()) < 1e-14


def run() -> tuple[torch.Tensor, torch.Tensor]:
    """Outputs and gradient of a network with a selection, a view, a write in place and a fused layer."""
    x = X.clone().requires_grad_()
    h = torch.nn.functional.layer_norm(torch.tanh(x @ X.T / 3), (6,))
    h = h.view(3, 12)
    h = h * torch.exp(h)
    h.add_(0.1)
    out = h.amax(1) + h.cumsum(0)[-1, 0]
    out.sum().backward()
    assert x.grad is not None
    return out.detach(), x.grad


def test_forward_and_backward_pass_are_rounded():
    """Both differ from float64 by what fifty bits do, no more, and hold no more; the maximum finds its entry."""
    out, grad = run()
    with RoundedTorch(BITS):
        again, gradient = run()
    assert held(again)
    assert held(gradient)
    for exact, made in ((out, again), (grad, gradient)):
        apart = float((made - exact).norm() / exact.norm())
        assert 2.0**-54 < apart < 2.0**-44


def test_what_needs_no_more_bits_is_the_same_in_every_bit():
    """Weights and inputs of float32, and their selections."""
    x = X.float().double()
    with RoundedTorch(BITS):
        chosen = torch.cat([x.max(0).values, -x[0], x.relu()[1], torch.where(x > 0, x, 0.5)[2]])
    assert torch.equal(chosen, torch.cat([x.max(0).values, -x[0], x.relu()[1], torch.where(x > 0, x, 0.5)[2]]))
