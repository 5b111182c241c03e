"""The reference's optimizers."""

import numpy as np
import pytest
import torch

from torchref.optimizers import sgd

START = [1.0, -2.0, 1e6]
GRADS = [[4.0, -1.0, 0.0], [2.0, 8.0, 0.0]]


def _stepped(grads: list[list[float]], **hyper: float) -> list[np.ndarray]:
    """The parameter after each of the steps along ``grads``."""
    parameter = torch.nn.Parameter(torch.tensor(START, dtype=torch.float64))
    optimizer, seen = sgd([parameter], **hyper), []
    for grad in grads:
        parameter.grad = torch.tensor(grad, dtype=torch.float64)
        optimizer.step()
        seen.append(parameter.detach().numpy().copy())
    return seen


def _by_formula(grads: list[list[float]], learning_rate: float, momentum: float) -> list[np.ndarray]:
    w, v, seen = np.array(START), np.zeros(3), []
    for g in grads:
        v = momentum * v + np.array(g)
        w = w - learning_rate * v
        seen.append(w)
    return seen


@pytest.mark.parametrize("learning_rate", [0.1, 0.5])
@pytest.mark.parametrize("momentum", [0.0, 0.25, 0.9])
def test_two_steps_follow_the_formula(learning_rate: float, momentum: float) -> None:
    """v = momentum v + g, then w = w - learning_rate v: no dampening, no Nesterov."""
    stepped = _stepped(GRADS, learning_rate=learning_rate, momentum=momentum)
    np.testing.assert_allclose(stepped, _by_formula(GRADS, learning_rate, momentum), rtol=1e-14)


def test_the_defaults_are_the_recipe() -> None:
    """Learning rate 0.1, momentum 0.9, as the training run takes them."""
    np.testing.assert_allclose(_stepped(GRADS), _by_formula(GRADS, 0.1, 0.9), rtol=1e-14)


def test_nothing_decays() -> None:
    """Without a gradient the weights stay bit for bit, the large one included."""
    assert (np.array(_stepped([[0.0] * 3] * 2)) == START).all()
