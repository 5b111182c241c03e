"""What a real training loop has beside the five beats: weights of classes, low precision, schedules, an early stop."""

import copy
import math
from collections.abc import Callable

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn
from torch.nn import functional as F
from torch.optim.lr_scheduler import CosineAnnealingLR, LinearLR, SequentialLR, StepLR

from torchref.digits import Images, Labels
from torchref.losses import cross_entropy
from torchref.mlp import MLP
from torchref.optimizers import clip_grad_norm


class LowMLP(MLP):
    """The perceptron with its layers computed in ``low``; weights and logits stay as they are."""

    def __init__(
        self, in_dim: int = 784, hidden: int = 128, n_classes: int = 10, low: torch.dtype = torch.bfloat16
    ) -> None:
        super().__init__(in_dim, hidden, n_classes)
        self.low = low

    def forward(self, images: Float[Tensor, "batch *pixels"]) -> Float[Tensor, "batch classes"]:
        with torch.autocast(images.device.type, self.low):  # lowers float32 at each layer, leaves float64 as it is
            logits = self.net(images)
        return logits.to(images.dtype)  # exp and sum of the loss in bfloat16 would keep 8 bits


def class_weights(
    logits: Float[Tensor, "batch classes"], labels: Int[Tensor, "batch"], weights: Float[Tensor, "classes"]
) -> tuple[Float[Tensor, ""], Float[Tensor, "batch classes"]]:
    """Cross-entropy with weights of classes and smoothed labels: a mean over the weights of the labels.

    Returns:
        The loss, and its gradient by the logits.
    """
    z = logits.clone().requires_grad_()
    loss = F.cross_entropy(z, labels, weight=weights, label_smoothing=0.1)
    (gradient,) = torch.autograd.grad(loss, z)
    return loss, gradient


def low_mlp(W1: Tensor, b1: Tensor, W2: Tensor, b2: Tensor, low: torch.dtype = torch.bfloat16) -> LowMLP:
    """A ``LowMLP`` with weights ``W1 (hidden, inputs)``, ``b1``, ``W2 (classes, hidden)``, ``b2``."""
    model = LowMLP(W1.shape[1], len(W1), len(W2), low)
    model.load_state_dict({"net.1.weight": W1, "net.1.bias": b1, "net.3.weight": W2, "net.3.bias": b2})
    return model


def mixed_precision(
    model: LowMLP, x: Float[Tensor, "batch inputs"], y: Int[Tensor, "batch"]
) -> tuple[Float[Tensor, "steps"], torch.optim.Optimizer]:
    """Layers in bfloat16, weights, loss and optimizer in float32: eight steps of AdamW, which change ``model``.

    Returns:
        The loss before each step, and the optimizer, whose moments are float32 too.
    """
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-2)
    losses = []
    for _ in range(8):
        optimizer.zero_grad()
        loss = cross_entropy(model(x), y)  # autocast is inside the model: what follows is float32
        loss.backward()
        optimizer.step()
        losses.append(loss.detach())
    return torch.stack(losses), optimizer


def loss_scaling(
    model: LowMLP, x: Float[Tensor, "batch inputs"], y: Int[Tensor, "batch"]
) -> tuple[list[float], Float[Tensor, "steps hidden inputs"]]:
    """Layers in float16, whose gradients overflow until the loss's scale has come down: those steps are skipped.

    Returns:
        The scale after each of twelve steps, and the first layer's weight after each.
    """
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1, momentum=0.9)
    scaler = torch.amp.GradScaler(x.device.type, init_scale=2.0**24, growth_interval=3)
    scales, weights = [], []
    for _ in range(12):
        optimizer.zero_grad()
        scaler.scale(cross_entropy(model(x), y)).backward()
        scaler.step(optimizer)  # divides by the scale, and does nothing where a gradient is not finite
        scaler.update()  # half the scale after such a step, twice the scale after three sound ones
        scales.append(scaler.get_scale())
        weights.append(model.get_parameter("net.1.weight").detach().clone())
    return scales, torch.stack(weights)


def scaled_step(
    model: nn.Module, optimizer: torch.optim.Optimizer, scaler: torch.amp.GradScaler, images: Images, labels: Labels,
    max_norm: float = 1.0,
) -> Float[Tensor, ""]:  # fmt: skip
    """One step with layers in float16, gradients clipped by their norm: all three are changed in place.

    Returns:
        The loss before the step, without its scale.
    """
    optimizer.zero_grad()
    loss = cross_entropy(model(images), labels)
    scaler.scale(loss).backward()
    scaler.unscale_(optimizer)  # before the clip: scaled, every gradient is too long
    clip_grad_norm(model.parameters(), max_norm)
    scaler.step(optimizer)  # nothing, where a gradient is not finite
    scaler.update()
    return loss.detach()


def early_stopping(
    x: Float[Tensor, "batch inputs"],
    y: Float[Tensor, "batch"],
    held_out: Float[Tensor, "validation inputs"],
    held_out_y: Float[Tensor, "validation"],
) -> tuple[Float[Tensor, "epochs"], Float[Tensor, "1 inputs"], Float[Tensor, "1 inputs"], Float[Tensor, "1 inputs"]]:
    """Training that stops where the held-out loss has not fallen for three epochs.

    Returns:
        The held-out loss by epoch; the weights of the best epoch, those that were kept without a copy, and the last.
    """
    model = nn.Linear(x.shape[1], 1).to(x)
    nn.init.zeros_(model.weight)
    nn.init.zeros_(model.bias)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.02, momentum=0.9)
    best, kept, lowest, waited, seen = {}, {}, math.inf, 0, []
    while waited < 3:
        optimizer.zero_grad()
        F.mse_loss(model(x)[:, 0], y).backward()
        optimizer.step()
        with torch.no_grad():
            loss = F.mse_loss(model(held_out)[:, 0], held_out_y)
        seen.append(loss)
        waited += 1
        if loss < lowest:
            lowest, waited = loss.item(), 0
            best = copy.deepcopy(model.state_dict())
            kept = model.state_dict()  # the mistake: no copy, it moves on with the model
    return torch.stack(seen), best["weight"], kept["weight"], model.weight.detach()


def walk(w: Float[Tensor, "n"], make: Callable, schedule: Callable | None = None) -> tuple[Tensor, list[float]]:
    """Thirty steps down a function that is not quadratic; and the learning rate of each."""
    w, rates = w.clone().requires_grad_(), []
    optimizer = make([w])
    scheduler = schedule(optimizer) if schedule else None
    for _ in range(30):
        rates.append(optimizer.param_groups[0]["lr"])
        optimizer.zero_grad()
        (w - 1).cosh().log().sum().backward()
        optimizer.step()
        if scheduler:
            scheduler.step()
    return w.detach(), rates


def adam_and_decay(w: Float[Tensor, "n"]) -> tuple[Float[Tensor, "n"], Float[Tensor, "n"], Float[Tensor, "n"]]:
    """Where thirty steps lead by Adam, with a weight decay in its gradient, and with one beside it."""
    plain, _ = walk(w, lambda p: torch.optim.Adam(p, lr=0.05))
    in_gradient, _ = walk(w, lambda p: torch.optim.Adam(p, lr=0.05, weight_decay=0.1))
    beside, _ = walk(w, lambda p: torch.optim.AdamW(p, lr=0.05, weight_decay=0.1))
    return plain, in_gradient, beside


Walked = tuple[Float[Tensor, "n"], list[float]]  # where it led, and the rate of each step


def schedules(w: Float[Tensor, "n"]) -> tuple[Walked, Walked, Walked]:
    """Learning rates that change from step to step: a step, a warm-up with a cosine, a cosine past its end."""

    def sgd(p: list[Tensor]) -> torch.optim.Optimizer:
        return torch.optim.SGD(p, lr=0.1, momentum=0.9)

    def warmup_then_cosine(optimizer: torch.optim.Optimizer) -> SequentialLR:
        up, down = LinearLR(optimizer, 0.1, total_iters=5), CosineAnnealingLR(optimizer, T_max=25)
        return SequentialLR(optimizer, [up, down], milestones=[5])

    stepped = walk(w, sgd, lambda optimizer: StepLR(optimizer, step_size=10, gamma=0.1))
    warmed = walk(w, sgd, warmup_then_cosine)
    past = walk(w, sgd, lambda optimizer: CosineAnnealingLR(optimizer, T_max=20))  # followed for 30 steps
    return stepped, warmed, past
