"""The reference's multilayer perceptron."""

import numpy as np
import pytest
import torch

from torchref.mlp import MLP


def _by_numpy(model: MLP, images: torch.Tensor) -> np.ndarray:
    W1, b1, W2, b2 = (parameter.detach().numpy() for parameter in model.parameters())
    x = images.numpy().reshape(len(images), -1)
    return np.maximum(x @ W1.T + b1, 0) @ W2.T + b2


def test_the_default_sizes_make_101770_parameters() -> None:
    """784 x 128 + 128 + 128 x 10 + 10, every one trained."""
    assert sum(parameter.numel() for parameter in MLP().parameters() if parameter.requires_grad) == 101_770


def test_a_weight_has_one_row_for_each_output() -> None:
    """The names and shapes that the weight map relies on; there is no buffer among them."""
    shapes = {name: tuple(tensor.shape) for name, tensor in MLP().state_dict().items()}
    assert shapes == {
        "net.1.weight": (128, 784),
        "net.1.bias": (128,),
        "net.3.weight": (10, 128),
        "net.3.bias": (10,),
    }


@pytest.mark.parametrize("rows", [0, 1, 7])
def test_images_in_logits_out(rows: int) -> None:
    """(batch, 1, 28, 28) becomes (batch, 10), a batch of one and of none included."""
    assert MLP()(torch.zeros(rows, 1, 28, 28)).shape == (rows, 10)


def test_the_sizes_are_arguments() -> None:
    """Another image size, width and number of classes need no other class."""
    model = MLP(in_dim=12, hidden=5, n_classes=3)
    assert [tuple(parameter.shape) for parameter in model.parameters()] == [(5, 12), (5,), (3, 5), (3,)]
    assert model(torch.zeros(2, 1, 3, 4)).shape == (2, 3)


def test_parameters_and_logits_are_float32() -> None:
    """Nothing is made at another precision by default."""
    model = MLP()
    assert {parameter.dtype for parameter in model.parameters()} == {torch.float32}
    assert model(torch.zeros(1, 1, 28, 28)).dtype == torch.float32


@pytest.mark.parametrize("training", [True, False])
def test_the_logits_are_raw(training: bool) -> None:
    """Flatten, affine, ReLU, affine and no softmax, as NumPy computes it in float64; the mode changes nothing."""
    torch.manual_seed(0)
    model = MLP(in_dim=12, hidden=50, n_classes=3).double().train(training)
    images = torch.randn(6, 1, 3, 4, dtype=torch.float64)
    np.testing.assert_allclose(model(images).detach().numpy(), _by_numpy(model, images), rtol=1e-12, atol=1e-14)
