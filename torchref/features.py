"""What a real training loop has beside the five beats: weights of classes, low precision, schedules, an early stop."""

import copy
import math
from collections.abc import Callable

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn
from torch.nn import functional as F

from torchref.losses import cross_entropy
from torchref.mlp import MLP
from torchref.optimizers import adam, adamw, cosine_annealing_lr, sgd, step_lr, warmup_then_cosine


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
) -> dict[str, object]:
    """Cross-entropy with weights of classes and smoothed labels: whose weight divides, and what is smoothed."""
    z = logits.clone().requires_grad_()
    loss = F.cross_entropy(z, labels, weight=weights, label_smoothing=0.1)
    (gradient,) = torch.autograd.grad(loss, z)
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
    x: Float[Tensor, "batch inputs"],
    y: Int[Tensor, "batch"],
    W1: Float[Tensor, "hidden inputs"],
    b1: Float[Tensor, "hidden"],
    W2: Float[Tensor, "classes hidden"],
    b2: Float[Tensor, "classes"],
) -> dict[str, object]:
    """Layers in bfloat16, weights, loss and optimizer in float32: eight steps of AdamW."""
    model, inside = LowMLP(W1.shape[1], len(W1), len(W2)), []
    model.load_state_dict({"net.1.weight": W1, "net.1.bias": b1, "net.3.weight": W2, "net.3.bias": b2})
    model.net[1].register_forward_hook(lambda layer, inputs, output: inside.append(output))
    optimizer, losses = adamw(model.parameters(), 1e-2), []
    for _ in range(8):
        optimizer.zero_grad()
        loss = cross_entropy(model(x), y)
        loss.backward()
        optimizer.step()
        losses.append(loss.detach())
    weight = model.get_parameter("net.1.weight")
    kinds = {"weights": weight, "inside": inside[-1], "loss": loss, "gradients": weight.grad}
    kinds |= {"moments": optimizer.state[weight]["exp_avg"]}
    return {
        "losses": torch.stack(losses),
        "W1 after": weight,
        "dtypes": {name: str(one.dtype).removeprefix("torch.") for name, one in kinds.items()},
    }


def loss_scaling(
    x: Float[Tensor, "batch inputs"],
    y: Int[Tensor, "batch"],
    W1: Float[Tensor, "hidden inputs"],
    b1: Float[Tensor, "hidden"],
    W2: Float[Tensor, "classes hidden"],
    b2: Float[Tensor, "classes"],
) -> dict[str, object]:
    """Layers in float16, whose gradients overflow until the loss's scale has come down: those steps are skipped."""
    model = LowMLP(W1.shape[1], len(W1), len(W2), torch.float16)
    model.load_state_dict({"net.1.weight": W1, "net.1.bias": b1, "net.3.weight": W2, "net.3.bias": b2})
    weight, optimizer = model.get_parameter("net.1.weight"), sgd(model.parameters(), 0.1)
    scaler = torch.amp.GradScaler(x.device.type, init_scale=2.0**24, growth_interval=3)
    scales, moved = [], []
    for _ in range(12):
        before = weight.detach().clone()
        optimizer.zero_grad()
        scaler.scale(cross_entropy(model(x), y)).backward()
        scaler.step(optimizer)  # divides by the scale, and does nothing where a gradient is not finite
        scaler.update()  # half the scale after such a step, twice the scale after three sound ones
        moved.append(not torch.equal(before, weight))
        scales.append(math.log2(scaler.get_scale()))
    return {"steps that moved": moved, "scale, power of two": [int(one) for one in scales], "W1 after": weight}


def early_stopping(
    x: Float[Tensor, "batch inputs"],
    y: Float[Tensor, "batch"],
    held_out: Float[Tensor, "validation inputs"],
    held_out_y: Float[Tensor, "validation"],
) -> dict[str, object]:
    """Training that stops where the held-out loss has not fallen for three epochs, with the weights of the best one."""
    model = nn.Linear(x.shape[1], 1).to(x)
    nn.init.zeros_(model.weight), nn.init.zeros_(model.bias)
    optimizer = sgd(model.parameters(), 0.02)
    best, lowest, kept, waited, seen = {}, math.inf, {}, 0, []
    for _ in range(40):
        optimizer.zero_grad()
        F.mse_loss(model(x)[:, 0], y).backward()
        optimizer.step()
        with torch.no_grad():
            loss = F.mse_loss(model(held_out)[:, 0], held_out_y)
        seen.append(loss)
        waited += 1
        if loss < lowest:
            lowest, waited = loss.item(), 0
            best, kept = copy.deepcopy(model.state_dict()), model.state_dict()  # kept is no copy: it moves on
        if waited == 3:
            break
    return {
        "held-out loss by epoch": torch.stack(seen),
        "epochs": len(seen),
        "best epoch": len(seen) - waited,
        "weights of the best": best["weight"],
        "weights that were kept without a copy": kept["weight"].clone(),
        "weights at the end": model.weight,
    }


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


def adam_and_decay(w: Float[Tensor, "n"]) -> dict[str, object]:
    """Adam, with a weight decay in its gradient, and with one beside it."""
    return {
        "Adam": walk(w, lambda p: adam(p, 0.05))[0],
        "Adam, decay 0.1": walk(w, lambda p: adam(p, 0.05, weight_decay=0.1))[0],
        "AdamW, decay 0.1": walk(w, lambda p: adamw(p, 0.05, weight_decay=0.1))[0],
        "AdamW as it comes": walk(w, lambda p: torch.optim.AdamW(p, lr=0.05))[0],
    }


def schedules(w: Float[Tensor, "n"]) -> dict[str, object]:
    """Learning rates that change from step to step, and where they lead."""
    stepped = walk(w, lambda p: sgd(p, 0.1), lambda o: step_lr(o, 10))
    warmed = walk(w, lambda p: sgd(p, 0.1), lambda o: warmup_then_cosine(o, 5, 25))
    past = walk(w, lambda p: sgd(p, 0.1), lambda o: cosine_annealing_lr(o, 20))
    return {
        "rates, a step": torch.tensor(stepped[1]),
        "rates, warm-up and cosine": torch.tensor(warmed[1]),
        "rates, a cosine past its end": torch.tensor(past[1]),
        "after a step": stepped[0],
        "after warm-up and cosine": warmed[0],
        "after a cosine past its end": past[0],
    }
