"""Beyond one gradient: derivatives of derivatives, Jacobians, and a gradient for each example."""

import warnings

import torch
from jaxtyping import Float, Int
from torch import Tensor

from torchref.autograd import loose_mlp
from torchref.losses import cross_entropy


def second_derivatives(
    x: Float[Tensor, "batch inputs"], y: Float[Tensor, "batch"], w: Float[Tensor, "inputs"], v: Float[Tensor, "inputs"]
) -> dict[str, object]:
    """Derivatives of derivatives: Hessian-vector products, a Hessian, a Jacobian, a third derivative."""

    def loss_of(w: Float[Tensor, "inputs"]) -> Float[Tensor, ""]:
        return (torch.exp(x @ w) - y * (x @ w)).mean()  # Poisson regression: exp(x w) is the rate of y

    leaf = w.clone().requires_grad_()
    (gradient,) = torch.autograd.grad(loss_of(leaf), leaf, create_graph=True)  # this backward pass is recorded too
    (reverse_over_reverse,) = torch.autograd.grad(gradient @ v, leaf)
    with warnings.catch_warnings(action="ignore", category=DeprecationWarning):  # torch's own, at its first jvp
        forward_over_reverse = torch.func.jvp(torch.func.grad(loss_of), (w,), (v,))[1]
        hessian = torch.func.hessian(loss_of)(w)  # jacfwd of jacrev
    jacobian = torch.func.jacrev(lambda w: torch.exp(x @ w))(w)
    along_v = torch.func.grad(torch.func.grad(torch.func.grad(lambda t: loss_of(w + t * v))))
    try:
        torch.autograd.grad(x @ leaf, leaf)
    except RuntimeError as error:
        refused = str(error)
    (plain,) = torch.autograd.grad(loss_of(leaf), leaf)
    try:
        torch.autograd.grad(plain @ v, leaf)
    except RuntimeError as error:
        unrecorded = str(error)
    return {
        "Hessian times v, reverse over reverse": reverse_over_reverse,
        "Hessian times v, forward over reverse": forward_over_reverse,
        "Hessian": hessian,
        "Hessian by hand": x.t() @ (torch.exp(x @ w)[:, None] * x) / len(x),
        "Jacobian of the rates": jacobian,
        "third derivative along v": along_v(torch.zeros_like(w[0])),
        "gradient of a vector": refused,
        "without create_graph": unrecorded,
    }


def per_sample(
    x: Float[Tensor, "batch inputs"],
    y: Int[Tensor, "batch"],
    W1: Float[Tensor, "hidden inputs"],
    b1: Float[Tensor, "hidden"],
    W2: Float[Tensor, "classes hidden"],
    b2: Float[Tensor, "classes"],
) -> dict[str, object]:
    """A gradient for each example of a batch, from one call; their mean is the gradient of the batch."""
    params = {"W1": W1, "b1": b1, "W2": W2, "b2": b2}

    def loss_of(params: dict[str, Tensor], row: Float[Tensor, "inputs"], label: Int[Tensor, ""]) -> Float[Tensor, ""]:
        return cross_entropy(loose_mlp(params, row[None]), label[None])

    grads = torch.func.vmap(torch.func.grad(loss_of), in_dims=(None, 0, 0))(params, x, y)
    squares = [(one**2).flatten(start_dim=1).sum(dim=1) for one in grads.values()]
    norms = sum(squares).sqrt()  # of each example's whole gradient
    clipped = grads["W1"] * (5 / norms).clamp(max=1)[:, None, None]  # each to norm 5 at most, before any mean
    leaves = {name: tensor.clone().requires_grad_() for name, tensor in params.items()}
    cross_entropy(loose_mlp(leaves, x), y).backward()  # .grad has room for one gradient: that of the batch
    return {
        "gradients of W1": grads["W1"],
        "their mean": grads["W1"].mean(dim=0),
        "gradient of the batch": leaves["W1"].grad,
        "norms": norms,
        "mean of the clipped": clipped.mean(dim=0),
    }
