"""The tape: leaves, what it records and keeps, what adds up in ``.grad``, and what is left off it."""

import warnings
from collections.abc import Callable, Iterable
from weakref import WeakValueDictionary

import torch
from jaxtyping import Complex, Float, Int
from torch import Tensor
from torch.nn import functional as F

from torchref.losses import cross_entropy


def loose_mlp(params: dict[str, Tensor], x: Float[Tensor, "batch inputs"]) -> Float[Tensor, "batch classes"]:
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
) -> dict[str, object]:
    """Which arrays have a gradient after one backward pass, and what decides it."""
    scale1, scale2 = (2 / W1.shape[1]) ** 0.5, (2 / W2.shape[1]) ** 0.5
    params = {"W1": W1 * scale1, "b1": b1.clone(), "W2": W2 * scale2, "b2": b2.clone()}
    for tensor in params.values():
        tensor.requires_grad_()  # scaled first, marked last: a leaf
    logits = loose_mlp(params, x)
    loss = cross_entropy(logits, y)
    loss.backward()  # writes into .grad of every leaf

    raw = W1.clone().requires_grad_()
    scaled = raw * scale1  # marked first, scaled last: recorded, and no leaf
    cross_entropy(loose_mlp(params | {"W1": scaled}, x), y).backward(inputs=[raw])
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        missing = scaled.grad
    return {
        "loss": loss,
        "parameters with a gradient": sorted(name for name, tensor in params.items() if tensor.grad is not None),
        "gradient of W1": params["W1"].grad,
        "gradient of b1": params["b1"].grad,
        "gradient of W2": params["W2"].grad,
        "gradient of b2": params["b2"].grad,
        "gradient of W1 before scaling": raw.grad,
        "gradient of W1 after scaling": missing,
        "warned": str(caught[0].message).split(". ")[0],
        "leaves": {"W1": params["W1"].is_leaf, "raw W1": raw.is_leaf, "scaled W1": scaled.is_leaf},
        "logits made by": type(logits.grad_fn).__name__,
    }


def by_hand(
    x: Float[Tensor, "batch inputs"],
    y: Int[Tensor, "batch"],
    W1: Float[Tensor, "hidden inputs"],
    b1: Float[Tensor, "hidden"],
    W2: Float[Tensor, "classes hidden"],
    b2: Float[Tensor, "classes"],
) -> dict[str, object]:
    """The backward pass written out with plain array operations, beside the one that is derived."""
    params = {"W1": W1, "b1": b1, "W2": W2, "b2": b2}
    params = {name: tensor.clone().requires_grad_() for name, tensor in params.items()}
    loss = cross_entropy(loose_mlp(params, x), y)
    derived = dict(zip(params, torch.autograd.grad(loss, list(params.values())), strict=True))

    z1 = x @ W1.t() + b1  # W1 and the others ask for no gradient: from here on nothing is recorded
    a1 = z1.clamp(min=0)
    p = (a1 @ W2.t() + b2).softmax(dim=1)
    dz2 = (p - F.one_hot(y, len(b2))) / len(y)  # of softmax, logarithm and mean in one
    dz1 = (dz2 @ W2) * (z1 > 0)  # the ReLU lets through where it was open
    written = {"W1": dz1.t() @ x, "b1": dz1.sum(dim=0), "W2": dz2.t() @ a1, "b2": dz2.sum(dim=0)}
    return {
        "W1 by hand": written["W1"],
        "b1 by hand": written["b1"],
        "W2 by hand": written["W2"],
        "b2 by hand": written["b2"],
        "W1 derived": derived["W1"],
        "b1 derived": derived["b1"],
        "W2 derived": derived["W2"],
        "b2 derived": derived["b2"],
        "equal to 1e-5": all((written[name] - derived[name]).abs().max().item() < 1e-5 for name in written),
    }


def accumulation(
    x: Float[Tensor, "batch inputs"], y: Float[Tensor, "batch"], w: Float[Tensor, "inputs"]
) -> dict[str, object]:
    """Twelve steps that never zero the gradient: each applies the sum of all gradients so far."""
    w = w.clone().requires_grad_()
    optimizer = torch.optim.SGD([w], lr=0.1)
    losses, own, applied = [], [], []
    for _ in range(12):
        loss = F.mse_loss(x @ w, y)
        (grad,) = torch.autograd.grad(loss, w, retain_graph=True)  # this step's own: returned, not added
        own.append(grad)
        loss.backward()  # adds to w.grad: optimizer.zero_grad() is missing
        assert w.grad is not None
        applied.append(w.grad.clone())
        optimizer.step()
        losses.append(loss.detach())
    grads, sums = torch.stack(own), torch.stack(applied)
    return {
        "own gradient, three steps": grads[:3],
        "applied gradient, three steps": sums[:3],
        "losses": torch.stack(losses),
        "norm of the own gradient": grads.norm(dim=1),
        "norm of the applied gradient": sums.norm(dim=1),
        "cosine of the two": F.cosine_similarity(grads, sums),
    }


def micro_batches(
    x: Float[Tensor, "batch inputs"],
    y: Int[Tensor, "batch"],
    W1: Float[Tensor, "hidden inputs"],
    b1: Float[Tensor, "hidden"],
    W2: Float[Tensor, "classes hidden"],
    b2: Float[Tensor, "classes"],
) -> dict[str, object]:
    """Gradients added up on purpose: four micro-batches make the step of the full batch."""
    params = {"W1": W1, "b1": b1, "W2": W2, "b2": b2}
    params = {name: tensor.clone().requires_grad_() for name, tensor in params.items()}
    optimizer = torch.optim.SGD(params.values(), lr=0.5)
    cross_entropy(loose_mlp(params, x), y).backward()
    full = params["W1"].grad
    optimizer.zero_grad()  # sets .grad to None: full stays as it is
    for part in (slice(0, 4), slice(4, 16)):  # 4 and 12 rows
        (cross_entropy(loose_mlp(params, x[part]), y[part]) / 2).backward()
    uneven = params["W1"].grad
    optimizer.zero_grad()
    for rows, labels in zip(x.chunk(4), y.chunk(4), strict=True):
        (cross_entropy(loose_mlp(params, rows), labels) / 4).backward()  # the mean of four means
    summed = params["W1"].grad
    optimizer.step()  # one step for four backward passes
    return {
        "full batch": full,
        "four micro-batches": summed,
        "uneven parts, equally weighted": uneven,
        "W1 after the step": params["W1"],
    }


def bytes_kept(forward: Callable[[], Tensor], held: Iterable[Tensor]) -> int:
    """Bytes that the tape keeps alive for the backward pass, beyond the tensors that the caller holds anyway."""
    alive: WeakValueDictionary[int, Tensor] = WeakValueDictionary()

    def pack(saved: Tensor) -> Tensor:
        kept = saved.detach()  # another tensor on the same memory; it lives as long as the tape has it
        alive[id(kept)] = kept
        return kept

    with torch.autograd.graph.saved_tensors_hooks(pack, lambda kept: kept):
        result = forward()  # holds its tape
    memory = {one.untyped_storage().data_ptr(): one.untyped_storage().nbytes() for one in alive.values()}
    del result
    return sum(memory.values()) - sum(memory.get(one.untyped_storage().data_ptr(), 0) for one in held)


def no_grad(
    x: Float[Tensor, "batch inputs"],
    y: Int[Tensor, "batch"],
    W1: Float[Tensor, "hidden inputs"],
    b1: Float[Tensor, "hidden"],
    W2: Float[Tensor, "classes hidden"],
    b2: Float[Tensor, "classes"],
) -> dict[str, object]:
    """A forward pass that nobody will differentiate keeps nothing for a backward pass."""
    params = {"W1": W1, "b1": b1, "W2": W2, "b2": b2}
    params = {name: tensor.clone().requires_grad_() for name, tensor in params.items()}
    held = [*params.values(), x, y]

    def loss_of() -> Float[Tensor, ""]:
        return cross_entropy(loose_mlp(params, x), y)

    kept = bytes_kept(loss_of, held)
    with torch.no_grad():  # for a whole block: what runs in it is not recorded
        loss = loss_of()
        kept_without = bytes_kept(loss_of, held)
    try:
        loss.backward()
    except RuntimeError as error:
        refused = str(error)
    loss_of().backward()  # recorded again
    return {
        "loss": loss,
        "bytes kept": kept,
        "bytes kept without a gradient": kept_without,
        "gradient from that loss": refused,
        "gradient of W1": params["W1"].grad,
    }


def detach(
    x: Float[Tensor, "batch inputs"],
    W1: Float[Tensor, "hidden inputs"],
    W2: Float[Tensor, "features hidden"],
    W3: Float[Tensor, "classes features"],
) -> dict[str, object]:
    """A value cut out of differentiation: what comes before the cut gets no gradient."""
    W1, W2, W3 = (tensor.clone().requires_grad_() for tensor in (W1, W2, W3))

    def loss_of(cut: bool) -> Float[Tensor, ""]:
        features = torch.tanh(torch.tanh(x @ W1.t()) @ W2.t())
        return ((features.detach() if cut else features) @ W3.t()).logsumexp(dim=1).mean()

    loss_of(cut=True).backward()
    features = torch.tanh(x @ W1.t())
    copied, shared = features.detach().clone(), features.detach()
    copied[0, 0] = 7  # a copy's own memory
    after_copy = features[0, 0].item()
    shared[0, 0] = 7  # the same memory: features is written too
    try:
        features.sum().backward()
    except RuntimeError as error:
        refused = str(error)
    kept = bytes_kept(lambda: loss_of(cut=False), [x, W1, W2, W3])
    kept_with_cut = bytes_kept(lambda: loss_of(cut=True), [x, W1, W2, W3])
    return {
        "gradient of W3": W3.grad,
        "gradient of W1": W1.grad,
        "no gradient reaches W1": W1.grad is None,
        "bytes kept": kept,
        "bytes kept with the cut": kept_with_cut,
        "fewer bytes with the cut": kept_with_cut < kept,
        "written copy": copied[0, 0],
        "original after writing a copy": after_copy,
        "original after writing the cut": features[0, 0],
        "refused": refused,
    }


def complex_gradient(z: Complex[Tensor, "numbers"]) -> dict[str, object]:
    """A real loss by complex numbers: ``.grad`` is dL/dx + i dL/dy, the way along which the loss rises."""

    def loss_of(z: Complex[Tensor, "numbers"]) -> Float[Tensor, ""]:
        return (z - 1j).abs().square().sum()

    x, y = (part.clone().requires_grad_() for part in (z.real, z.imag))
    loss_of(torch.complex(x, y)).backward()
    z = z.clone().requires_grad_()
    loss = loss_of(z)
    loss.backward()
    assert z.grad is not None
    with torch.no_grad():
        after = loss_of(z - 0.1 * z.grad)
    return {
        "loss": loss,
        "dL/dx": x.grad,
        "dL/dy": y.grad,
        "gradient as it comes": z.grad,
        "gradient as dL/dx + i dL/dy": z.grad,
        "loss after a step against it": after,
        "loss after a step against it as it comes": after,
    }
