"""What is judged of torchref/autograd.py."""

from collections.abc import Callable

import torch
from torch import Tensor

from compare.lessons.judged.counted_torch import bytes_kept, leaves
from compare.lessons.judged.said import refused, warned
from compare.lessons.row import Quantities
from torchref.autograd import distance, head_loss, loose_mlp, scaled_weight, written_copy
from torchref.losses import cross_entropy

Params = dict[str, Tensor]


def tape(
    function: Callable[..., tuple[Tensor, Params]],
    x: Tensor, y: Tensor, W1: Tensor, b1: Tensor, W2: Tensor, b2: Tensor,
) -> Quantities:  # fmt: skip
    """Where gradients arrive, and what makes a leaf."""
    loss, params = function(x, y, W1, b1, W2, b2)
    scale1, scale2 = (2 / W1.shape[1]) ** 0.5, (2 / W2.shape[1]) ** 0.5
    scaled = {"W1": W1 * scale1, "b1": b1, "W2": W2 * scale2, "b2": b2}
    raw = W1.clone().requires_grad_()
    (before, after), told = warned(lambda: scaled_weight(W1, scaled, x, y))
    return {
        "loss": loss,
        "parameters with a gradient": sorted(name for name, param in params.items() if param.grad is not None),
        "gradient of W1": params["W1"].grad,
        "gradient of b1": params["b1"].grad,
        "gradient of W2": params["W2"].grad,
        "gradient of b2": params["b2"].grad,
        "gradient of W1 before scaling": before,
        "gradient of W1 after scaling": after,
        "warned": told[0].split(". ")[0],
        "leaves": {"W1": params["W1"].is_leaf, "raw W1": raw.is_leaf, "scaled W1": (raw * scale1).is_leaf},
        "logits made by": type(loose_mlp(params, x).grad_fn).__name__,
    }


def by_hand(function: Callable[..., tuple[Params, Params]], x: Tensor, y: Tensor, **weights: Tensor) -> Quantities:
    """Each gradient, written out and derived."""
    written, derived = function(leaves(**weights), x, y)
    return {
        **{f"{name} by hand": written[name] for name in weights},
        **{f"{name} derived": derived[name] for name in weights},
        "equal to 1e-5": all((written[name] - derived[name]).abs().max().item() < 1e-5 for name in weights),
    }


def accumulation(function: Callable[..., tuple[Tensor, Tensor]], x: Tensor, y: Tensor, w: Tensor) -> Quantities:
    """What was applied, and each step's own gradient: what it added."""
    losses, applied = function(x, y, w)
    own = applied.diff(dim=0, prepend=torch.zeros_like(applied[:1]))
    return {
        "own gradient, three steps": own[:3],
        "applied gradient, three steps": applied[:3],
        "losses": losses,
        "norm of the own gradient": own.norm(dim=1),
        "norm of the applied gradient": applied.norm(dim=1),
        "cosine of the two": torch.nn.functional.cosine_similarity(own, applied),
    }


def micro_batches(
    function: Callable[..., tuple[Params, Params]], x: Tensor, y: Tensor, **weights: Tensor
) -> Quantities:
    """Four parts, one, and two of unequal size."""
    stepped, summed = function(leaves(**weights), x, y)
    _, full = function(leaves(**weights), x, y, ())
    _, uneven = function(leaves(**weights), x, y, (4,))  # 4 and 12 rows
    return {
        "full batch": full["W1"],
        "four micro-batches": summed["W1"],
        "uneven parts, equally weighted": uneven["W1"],
        "W1 after the step": stepped["W1"],
    }


def no_grad(function: Callable[..., tuple[Tensor, Params]], x: Tensor, y: Tensor, **weights: Tensor) -> Quantities:
    """The loss without a tape, what it refuses, and the bytes that each forward pass keeps."""
    params = leaves(**weights)
    loss, differentiated = function(params, x, y)
    held = [*params.values(), x, y]
    kept = bytes_kept(lambda: cross_entropy(loose_mlp(params, x), y), held)
    with torch.no_grad():
        kept_without = bytes_kept(lambda: cross_entropy(loose_mlp(params, x), y), held)
    return {
        "loss": loss,
        "bytes kept": kept,
        "bytes kept without a gradient": kept_without,
        "gradient from that loss": refused(loss.backward, RuntimeError),
        "gradient of W1": differentiated["W1"].grad,
    }


def detach(
    function: Callable[..., tuple[Tensor | None, ...]], x: Tensor, W1: Tensor, W2: Tensor, W3: Tensor
) -> Quantities:
    """What gets a gradient, what is kept, and what a write reaches."""
    of_W1, _, of_W3 = function(x, W1, W2, W3)
    weights = leaves(W1=W1, W2=W2, W3=W3)
    held = [x, *weights.values()]
    kept = bytes_kept(lambda: head_loss(x, **weights, cut=False), held)
    kept_with_cut = bytes_kept(lambda: head_loss(x, **weights, cut=True), held)
    features = torch.tanh(x @ weights["W1"].t())
    copied = written_copy(features)
    after_copy = features[0, 0].item()
    features.detach()[0, 0] = 7  # the same memory: features is written too
    return {
        "gradient of W3": of_W3,
        "gradient of W1": of_W1,
        "no gradient reaches W1": of_W1 is None,
        "bytes kept": kept,
        "bytes kept with the cut": kept_with_cut,
        "fewer bytes with the cut": kept_with_cut < kept,
        "written copy": copied[0, 0],
        "original after writing a copy": after_copy,
        "original after writing the cut": features[0, 0],
        "refused": refused(features.sum().backward, RuntimeError),
    }


def complex_gradient(function: Callable[..., tuple[Tensor, Tensor, Tensor]], z: Tensor) -> Quantities:
    """The gradient by complex numbers beside those by their parts, and the loss after a step against either."""
    loss, grad, stepped = function(z)
    x, y = (part.clone().requires_grad_() for part in (z.real, z.imag))
    distance(torch.complex(x, y)).backward()
    return {
        "loss": loss,
        "dL/dx": x.grad,
        "dL/dy": y.grad,
        "gradient as it comes": grad,
        "gradient as dL/dx + i dL/dy": grad,
        "loss after a step against it": distance(stepped),
        "loss after a step against it as it comes": distance(z - 0.1 * grad),
    }
