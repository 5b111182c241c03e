"""What is judged of torchref/features.py."""

import math
from collections.abc import Callable

import torch
from torch import Tensor
from torch.nn import functional as F

from compare.lessons.row import Quantities
from torchref.features import LowMLP, Walked, low_mlp, walk


def class_weights(
    function: Callable[..., tuple[Tensor, Tensor]], logits: Tensor, labels: Tensor, weights: Tensor
) -> Quantities:
    """The loss and its gradient, the same from its rows, and each part alone."""
    loss, gradient = function(logits, labels, weights)
    rows = F.cross_entropy(logits, labels, weight=weights, label_smoothing=0.1, reduction="none")
    return {
        "loss": loss,
        "gradient": gradient,
        "rows over the weights of their labels": rows.sum() / weights[labels].sum(),
        "rows averaged": rows.mean(),
        "weighted only": F.cross_entropy(logits, labels, weight=weights),
        "smoothed only": F.cross_entropy(logits, labels, label_smoothing=0.1),
    }


def mixed_precision(
    function: Callable[..., tuple[Tensor, torch.optim.Optimizer]],
    x: Tensor,
    y: Tensor,
    W1: Tensor,
    b1: Tensor,
    W2: Tensor,
    b2: Tensor,
) -> Quantities:
    """Losses, a weight, and in which precision each thing is."""
    model = low_mlp(W1, b1, W2, b2)
    losses, optimizer = function(model, x, y)
    weight = model.get_parameter("net.1.weight")
    kinds = {"weights": weight, "inside": _inside(model, x), "loss": losses, "gradients": weight.grad}
    kinds |= {"moments": optimizer.state[weight]["exp_avg"]}
    return {
        "losses": losses,
        "W1 after": weight,
        "dtypes": {name: str(one.dtype).removeprefix("torch.") for name, one in kinds.items() if one is not None},
    }


def _inside(model: LowMLP, x: Tensor) -> Tensor:
    """What the first layer returns."""
    seen: list[Tensor] = []
    hook = model.net[1].register_forward_hook(lambda layer, inputs, output: seen.append(output))
    model(x)
    hook.remove()
    return seen[0]


def loss_scaling(
    function: Callable[..., tuple[list[float], Tensor]],
    x: Tensor,
    y: Tensor,
    W1: Tensor,
    b1: Tensor,
    W2: Tensor,
    b2: Tensor,
) -> Quantities:
    """Which steps moved the weights, the scale after each, and the weight after the last."""
    scales, after = function(low_mlp(W1, b1, W2, b2, torch.float16), x, y)
    before = torch.cat([W1[None], after[:-1]])
    return {
        "steps that moved": [not torch.equal(one, other) for one, other in zip(before, after, strict=True)],
        "scale, power of two": [round(math.log2(scale)) for scale in scales],
        "W1 after": after[-1],
    }


def early_stopping(function: Callable[..., tuple[Tensor, Tensor, Tensor, Tensor]], **arrays: Tensor) -> Quantities:
    """The losses, which epoch was the best, and the weights of the best, without a copy, and of the last."""
    losses, best, kept, last = function(**arrays)
    return {
        "held-out loss by epoch": losses,
        "epochs": len(losses),
        "best epoch": len(losses) - 3,
        "weights of the best": best,
        "weights that were kept without a copy": kept.clone(),
        "weights at the end": last,
    }


def adam_and_decay(function: Callable[..., tuple[Tensor, Tensor, Tensor]], w: Tensor) -> Quantities:
    """Where each leads, and where torch's own default does."""
    plain, in_gradient, beside = function(w)
    return {
        "Adam": plain,
        "Adam, decay 0.1": in_gradient,
        "AdamW, decay 0.1": beside,
        "AdamW as it comes": walk(w, lambda p: torch.optim.AdamW(p, lr=0.05))[0],
    }


def schedules(function: Callable[..., tuple[Walked, Walked, Walked]], w: Tensor) -> Quantities:
    """The rates, and where they lead."""
    stepped, warmed, past = function(w)
    return {
        "rates, a step": torch.tensor(stepped[1]),
        "rates, warm-up and cosine": torch.tensor(warmed[1]),
        "rates, a cosine past its end": torch.tensor(past[1]),
        "after a step": stepped[0],
        "after warm-up and cosine": warmed[0],
        "after a cosine past its end": past[0],
    }
