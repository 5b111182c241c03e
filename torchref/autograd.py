"""The tape: leaves, what it records, what adds up in ``.grad``, and what is left off it."""

import torch
from jaxtyping import Complex, Float, Int
from torch import Tensor
from torch.nn import functional as F

from torchref.losses import cross_entropy

Params = dict[str, Tensor]


def loose_mlp(params: Params, x: Float[Tensor, "batch inputs"]) -> Float[Tensor, "batch classes"]:
    """Two affine maps with a ReLU between: ``relu(x W1' + b1) W2' + b2``, raw logits.

    Args:
        params: leaf tensors ``W1 (hidden, inputs)``, ``b1 (hidden,)``, ``W2 (classes, hidden)``, ``b2 (classes,)``.
            A leaf is made first and marked ``requires_grad`` last; a tensor scaled after that is no leaf,
            and its ``.grad`` stays None.
        x: one row for each example.
    """
    a1 = torch.relu(x @ params["W1"].t() + params["b1"])
    return a1 @ params["W2"].t() + params["b2"]


def tape(
    x: Float[Tensor, "batch inputs"],
    y: Int[Tensor, "batch"],
    W1: Float[Tensor, "hidden inputs"],
    b1: Float[Tensor, "hidden"],
    W2: Float[Tensor, "classes hidden"],
    b2: Float[Tensor, "classes"],
) -> tuple[Float[Tensor, ""], Params]:
    """A forward pass writes the tape; the backward pass reads it, and fills ``.grad`` of every leaf.

    Returns:
        The loss, and the parameters ``W1``, ``b1``, ``W2``, ``b2``, each with its gradient in ``.grad``.
    """
    scale1, scale2 = (2 / W1.shape[1]) ** 0.5, (2 / W2.shape[1]) ** 0.5
    params = {"W1": W1 * scale1, "b1": b1.clone(), "W2": W2 * scale2, "b2": b2.clone()}
    for param in params.values():
        param.requires_grad_()  # made first, marked last: a leaf
    logits = loose_mlp(params, x)  # the tape is written while this runs
    loss = cross_entropy(logits, y)
    loss.backward()  # returns nothing: writes into .grad of every leaf
    return loss, params


def scaled_weight(
    raw: Float[Tensor, "hidden inputs"], params: Params, x: Float[Tensor, "batch inputs"], y: Int[Tensor, "batch"]
) -> tuple[Tensor | None, Tensor | None]:
    """The mistake: a weight that is scaled after it was marked is no leaf, and has no gradient.

    Returns:
        The gradient of the raw weight, and that of the scaled one, which is None: torch warns when it is read.
    """
    raw = raw.clone().requires_grad_()
    scaled = raw * (2 / raw.shape[1]) ** 0.5  # made by an operation: recorded, and no leaf
    loss = cross_entropy(loose_mlp(params | {"W1": scaled}, x), y)
    loss.backward()
    return raw.grad, scaled.grad


def by_hand(params: Params, x: Float[Tensor, "batch inputs"], y: Int[Tensor, "batch"]) -> tuple[Params, Params]:
    """The backward pass written out with plain array operations, beside the one that is derived.

    Args:
        params: as ``loose_mlp`` takes them, leaves.

    Returns:
        The gradients by hand, and those that autograd derives; each by the parameter's name.
    """
    loss = cross_entropy(loose_mlp(params, x), y)
    derived = dict(zip(params, torch.autograd.grad(loss, list(params.values())), strict=True))

    W1, b1, W2, b2 = (param.detach() for param in params.values())  # from here on nothing is recorded
    z1 = x @ W1.t() + b1
    a1 = z1.clamp(min=0)
    p = (a1 @ W2.t() + b2).softmax(dim=1)
    dz2 = (p - F.one_hot(y, len(b2))) / len(y)  # of softmax, logarithm and mean in one
    dz1 = (dz2 @ W2) * (z1 > 0)  # the ReLU lets through where it was open
    written = {"W1": dz1.t() @ x, "b1": dz1.sum(dim=0), "W2": dz2.t() @ a1, "b2": dz2.sum(dim=0)}
    return written, derived


def accumulation(
    x: Float[Tensor, "batch inputs"], y: Float[Tensor, "batch"], w: Float[Tensor, "inputs"]
) -> tuple[Float[Tensor, "steps"], Float[Tensor, "steps inputs"]]:
    """Twelve steps that never zero the gradient: each applies the sum of all gradients so far.

    Returns:
        The loss before each step, and the gradient that the step applied.
    """
    w = w.clone().requires_grad_()
    optimizer = torch.optim.SGD([w], lr=0.1)
    losses, applied = [], []
    for _ in range(12):
        loss = F.mse_loss(x @ w, y)
        loss.backward()  # adds to w.grad: optimizer.zero_grad() is missing
        optimizer.step()
        losses.append(loss.detach())
        applied.append(w.grad.clone())  # a copy: the next backward() adds to this very tensor
    return torch.stack(losses), torch.stack(applied)


def micro_batches(
    params: Params, x: Float[Tensor, "batch inputs"], y: Int[Tensor, "batch"], splits: tuple[int, ...] = (4, 8, 12)
) -> tuple[Params, Params]:
    """Gradients added up on purpose: one step of SGD for several backward passes.

    Args:
        params: as ``loose_mlp`` takes them, leaves; they are changed in place.
        splits: the rows before which the batch is cut.

    Returns:
        The parameters after the step, and the gradient that it applied, by the parameter's name.
    """
    parts = list(zip(x.tensor_split(splits), y.tensor_split(splits), strict=True))
    optimizer = torch.optim.SGD(params.values(), lr=0.5)
    optimizer.zero_grad()
    for rows, labels in parts:
        loss = cross_entropy(loose_mlp(params, rows), labels)
        (loss / len(parts)).backward()  # adds to .grad: in the end, the mean of the parts' means
    optimizer.step()  # one step for all the backward passes
    return params, {name: param.grad for name, param in params.items() if param.grad is not None}


def no_grad(
    params: Params, x: Float[Tensor, "batch inputs"], y: Int[Tensor, "batch"]
) -> tuple[Float[Tensor, ""], Params]:
    """A forward pass that nobody will differentiate keeps nothing for a backward pass.

    Args:
        params: as ``loose_mlp`` takes them, leaves.

    Returns:
        The loss without a tape, and the parameters with their ``.grad`` from a loss with one.
    """
    with torch.no_grad():  # for a whole block: what runs in it is not recorded
        loss = cross_entropy(loose_mlp(params, x), y)
    # loss.backward() would raise: this loss has no tape, and gets none later
    recorded = cross_entropy(loose_mlp(params, x), y)
    recorded.backward()
    return loss, params


def head_loss(
    x: Float[Tensor, "batch inputs"],
    W1: Float[Tensor, "hidden inputs"],
    W2: Float[Tensor, "features hidden"],
    W3: Float[Tensor, "classes features"],
    *,
    cut: bool,
) -> Float[Tensor, ""]:
    """A loss of a head ``W3`` on the features that ``W1`` and ``W2`` make, with or without a cut between."""
    features = torch.tanh(torch.tanh(x @ W1.t()) @ W2.t())
    if cut:
        features = features.detach()  # the same memory without its history: the tape ends here
    logits = features @ W3.t()
    return logits.logsumexp(dim=1).mean()


def detach(
    x: Float[Tensor, "batch inputs"],
    W1: Float[Tensor, "hidden inputs"],
    W2: Float[Tensor, "features hidden"],
    W3: Float[Tensor, "classes features"],
) -> tuple[Tensor | None, ...]:
    """A value cut out of differentiation: what comes before the cut gets no gradient.

    Returns:
        The gradients of ``W1``, ``W2`` and ``W3``: None, None, and the head's.
    """
    weights = [one.clone().requires_grad_() for one in (W1, W2, W3)]
    loss = head_loss(x, *weights, cut=True)
    loss.backward()
    return tuple(one.grad for one in weights)


def written_copy(features: Float[Tensor, "batch features"]) -> Float[Tensor, "batch features"]:
    """A copy with another first entry. ``detach()`` alone is no copy: the write would land in ``features`` too."""
    copied = features.detach().clone()
    copied[0, 0] = 7
    return copied


def distance(z: Complex[Tensor, "numbers"]) -> Float[Tensor, ""]:
    """The sum of squared distances from i: a real loss of complex numbers, lowest at i."""
    return (z - 1j).abs().square().sum()


def complex_gradient(
    z: Complex[Tensor, "numbers"],
) -> tuple[Float[Tensor, ""], Complex[Tensor, "numbers"], Complex[Tensor, "numbers"]]:
    """A real loss by complex numbers: ``.grad`` is dL/dx + i dL/dy, the way along which the loss rises.

    Returns:
        The loss, the gradient as it comes, and the numbers after a step downhill.
    """
    z = z.clone().requires_grad_()
    loss = distance(z)
    loss.backward()
    with torch.no_grad():
        stepped = z - 0.1 * z.grad
    return loss, z.grad, stepped
