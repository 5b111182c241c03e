"""What is judged of torchref/higher.py."""

import warnings
from collections.abc import Callable

import torch
from torch import Tensor

from compare.lessons.judged.counted_torch import leaves
from compare.lessons.judged.said import refused
from compare.lessons.row import Quantities
from torchref.autograd import loose_mlp
from torchref.losses import cross_entropy


def second_derivatives(
    function: Callable[..., tuple[Tensor, ...]], x: Tensor, y: Tensor, w: Tensor, v: Tensor
) -> Quantities:
    """Each derivative, the Hessian by its formula, and what the tape refuses."""
    with warnings.catch_warnings(action="ignore", category=DeprecationWarning):  # torch's own, at its first jvp
        on_the_tape, product, hessian, jacobian, third = function(x, y, w, v)
    leaf = w.clone().requires_grad_()
    (plain,) = torch.autograd.grad((x @ leaf).square().sum(), leaf)  # without create_graph: not recorded
    return {
        "Hessian times v, reverse over reverse": on_the_tape,
        "Hessian times v, forward over reverse": product,
        "Hessian": hessian,
        "Hessian by hand": x.t() @ (torch.exp(x @ w)[:, None] * x) / len(x),
        "Jacobian of the rates": jacobian,
        "third derivative along v": third,
        "gradient of a vector": refused(lambda: torch.autograd.grad(x @ leaf, leaf), RuntimeError),
        "without create_graph": refused(lambda: torch.autograd.grad(plain @ v, leaf), RuntimeError),
    }


def per_sample(
    function: Callable[..., tuple[dict[str, Tensor], Tensor, Tensor]], x: Tensor, y: Tensor, **weights: Tensor
) -> Quantities:
    """The gradients, their mean, and the batch's own: .grad has room for one."""
    grads, norms, clipped = function(weights, x, y)
    params = leaves(**weights)
    cross_entropy(loose_mlp(params, x), y).backward()
    return {
        "gradients of W1": grads["W1"],
        "their mean": grads["W1"].mean(dim=0),
        "gradient of the batch": params["W1"].grad,
        "norms": norms,
        "mean of the clipped": clipped,
    }
