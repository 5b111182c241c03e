"""Derivatives of derivatives, and a gradient for each example, against what they must be equal to."""

import numpy as np
import pytest
import torch

from torchref.autograd import loose_mlp
from torchref.higher import per_sample, second_derivatives
from torchref.losses import cross_entropy


@pytest.mark.filterwarnings("ignore::DeprecationWarning")  # torch's own, at its first jvp
def test_the_products_are_the_hessian_times_v() -> None:
    """Either way round, and the Hessian is the derivation's."""
    rng = np.random.default_rng(0)
    x, y, w, v = (torch.tensor(rng.standard_normal(shape)) for shape in ((8, 4), 8, 4, 4))
    on_the_tape, product, hessian, *_ = second_derivatives(x, y, w, v)
    torch.testing.assert_close(hessian, x.t() @ (torch.exp(x @ w)[:, None] * x) / len(x))
    for one in (on_the_tape, product):
        torch.testing.assert_close(one, hessian @ v)


def test_each_gradient_is_that_of_its_example_alone() -> None:
    """As one backward pass for each row finds it; their mean is the batch's."""
    rng = np.random.default_rng(1)
    shapes = {"W1": (6, 4), "b1": (6,), "W2": (3, 6), "b2": (3,)}
    params = {name: torch.tensor(rng.standard_normal(shape)) for name, shape in shapes.items()}
    x, y = torch.tensor(rng.standard_normal((5, 4))), torch.tensor([0, 2, 1, 1, 0])
    grads, norms, clipped = per_sample(params, x, y)
    torch.testing.assert_close(clipped, (grads["W1"] * (5 / norms).clamp(max=1)[:, None, None]).mean(dim=0))
    for i in range(5):
        leaves = {name: tensor.clone().requires_grad_() for name, tensor in params.items()}
        cross_entropy(loose_mlp(leaves, x[i : i + 1]), y[i : i + 1]).backward()
        torch.testing.assert_close(grads["W1"][i], leaves["W1"].grad)
        whole = torch.cat([tensor.grad.flatten() for tensor in leaves.values()])
        torch.testing.assert_close(norms[i], whole.norm())
