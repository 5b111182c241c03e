"""The reference on loose tensors."""

import numpy as np
import pytest
import torch

from torchref.autograd import loose_mlp

SHAPES = {"W1": (6, 4), "b1": (6,), "W2": (3, 6), "b2": (3,)}


@pytest.fixture
def params() -> dict[str, torch.Tensor]:
    """Leaves in double."""
    rng = np.random.default_rng(0)
    return {name: torch.tensor(rng.standard_normal(shape)).requires_grad_() for name, shape in SHAPES.items()}


@pytest.fixture
def x() -> torch.Tensor:
    """Five rows."""
    return torch.tensor(np.random.default_rng(1).standard_normal((5, 4)))


def test_it_is_two_affine_maps_with_a_relu_between(params: dict[str, torch.Tensor], x: torch.Tensor) -> None:
    """As NumPy computes it in float64; the logits are raw."""
    W1, b1, W2, b2 = (tensor.detach().numpy() for tensor in params.values())
    wanted = np.maximum(x.numpy() @ W1.T + b1, 0) @ W2.T + b2
    np.testing.assert_allclose(loose_mlp(params, x).detach().numpy(), wanted, rtol=1e-13, atol=1e-15)


def test_backward_writes_into_every_leaf(params: dict[str, torch.Tensor], x: torch.Tensor) -> None:
    """And into nothing else: the batch is no leaf that asked for it."""
    loose_mlp(params, x).sum().backward()
    assert {name: tuple(tensor.grad.shape) for name, tensor in params.items()} == SHAPES
    assert x.grad is None


def test_the_gradients_are_right(params: dict[str, torch.Tensor], x: torch.Tensor) -> None:
    """Against finite differences in float64, for every parameter and the rows."""
    arguments = (*params.values(), x.requires_grad_())
    function = lambda *args: loose_mlp(dict(zip(SHAPES, args, strict=False)), args[-1])  # noqa: E731
    assert torch.autograd.gradcheck(function, arguments)


def test_a_scaled_tensor_is_no_leaf(params: dict[str, torch.Tensor], x: torch.Tensor) -> None:
    """Marked first and scaled after, W1's ``.grad`` stays None, as the docstring warns."""
    params["W1"] = torch.randn(6, 4, dtype=torch.float64, requires_grad=True) * 0.1
    loose_mlp(params, x).sum().backward()
    assert not params["W1"].is_leaf
    with pytest.warns(UserWarning, match="not a leaf"):
        assert params["W1"].grad is None
    assert params["W2"].grad is not None


@pytest.mark.parametrize("shape", [(4,), (2, 5, 4)])
def test_shapes_are_enforced(params: dict[str, torch.Tensor], shape: tuple[int, ...]) -> None:
    """One row without its axis, and a batch of batches, raise."""
    pytest.importorskip("beartype")
    from jaxtyping import TypeCheckError

    with pytest.raises(TypeCheckError):
        loose_mlp(params, torch.zeros(shape, dtype=torch.float64))
