"""Beyond one gradient: derivatives of derivatives, Jacobians, and a gradient for each example."""

import torch
from jaxtyping import Float, Int
from torch import Tensor

from torchref.autograd import loose_mlp
from torchref.losses import cross_entropy


def second_derivatives(
    x: Float[Tensor, "batch inputs"], y: Float[Tensor, "batch"], w: Float[Tensor, "inputs"], v: Float[Tensor, "inputs"]
) -> tuple[Tensor, ...]:
    """Derivatives of derivatives, on the tape and by ``torch.func``.

    Returns:
        The Hessian times ``v`` by a tape of the tape; the same by a derivative of the gradient along ``v``; the
        Hessian; the Jacobian of the rates; the third derivative along ``v``.
    """

    def loss_of(w: Float[Tensor, "inputs"]) -> Float[Tensor, ""]:
        return (torch.exp(x @ w) - y * (x @ w)).mean()  # Poisson regression: exp(x w) is the rate of y

    leaf = w.clone().requires_grad_()
    (gradient,) = torch.autograd.grad(loss_of(leaf), leaf, create_graph=True)  # this backward pass is recorded too
    (on_the_tape,) = torch.autograd.grad(gradient @ v, leaf)

    product = torch.func.jvp(torch.func.grad(loss_of), (w,), (v,))[1]  # forward over reverse: no Hessian is built
    hessian = torch.func.hessian(loss_of)(w)  # jacfwd of jacrev
    jacobian = torch.func.jacrev(lambda w: torch.exp(x @ w))(w)
    along_v = torch.func.grad(torch.func.grad(torch.func.grad(lambda t: loss_of(w + t * v))))
    return on_the_tape, product, hessian, jacobian, along_v(torch.zeros_like(w[0]))


def per_sample(
    params: dict[str, Tensor], x: Float[Tensor, "batch inputs"], y: Int[Tensor, "batch"]
) -> tuple[dict[str, Tensor], Float[Tensor, "batch"], Tensor]:
    """A gradient for each example of a batch, from one call, and each clipped before their mean is taken.

    Args:
        params: as ``loose_mlp`` takes them.

    Returns:
        The gradients, each with the batch as its first axis; the norm of each example's; the mean of ``W1``'s, clipped.
    """

    def loss_of(params: dict[str, Tensor], row: Float[Tensor, "inputs"], label: Int[Tensor, ""]) -> Float[Tensor, ""]:
        return cross_entropy(loose_mlp(params, row[None]), label[None])

    grads = torch.func.vmap(torch.func.grad(loss_of), in_dims=(None, 0, 0))(params, x, y)
    squares = [(one**2).flatten(start_dim=1).sum(dim=1) for one in grads.values()]
    norms = sum(squares).sqrt()  # of each example's whole gradient
    clipped = grads["W1"] * (5 / norms).clamp(max=1)[:, None, None]  # each to norm 5 at most, before any mean
    return grads, norms, clipped.mean(dim=0)
