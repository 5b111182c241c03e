"""Layers that act otherwise in training: dropout and batch norm, as objects and as functions."""

import copy

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn
from torch.nn import functional as F

from torchref.losses import cross_entropy
from torchref.mlp_regularized import RegularizedMLP


def modes(
    features: Float[Tensor, "batch features"],
    mask: Float[Tensor, "batch features"],
    mean: Float[Tensor, "features"],
    variance: Float[Tensor, "features"],
    seed: int,
) -> dict[str, object]:
    """Training mode and eval mode of batch norm and of dropout: what each uses, moves and draws."""
    norm = nn.BatchNorm1d(features.shape[1]).to(features)
    norm.load_state_dict({"running_mean": mean, "running_var": variance}, strict=False)
    norm.eval()
    evaluated = norm(features)  # by the running statistics, which stay
    norm.train()
    trained = norm(features)  # by the batch's own; the running ones move, in place
    running = norm.get_buffer("running_var")
    biased = 0.9 * variance + (running - 0.9 * variance) * (len(features) - 1) / len(features)

    dropout = nn.Dropout(0.5)  # a new module is in training mode
    with torch.random.fork_rng(range(torch.cuda.device_count())):  # the mask comes from the global generator
        torch.manual_seed(seed)
        first, second = dropout(features), dropout(features)
        torch.manual_seed(seed)
        again = dropout(features)
    return {
        "batch norm, eval": evaluated,
        "batch norm, training": trained,
        "running mean": norm.running_mean,
        "running variance": running,
        "running variance, from the biased one": biased,
        "dropout, training, mask given": features * mask / (1 - dropout.p),  # what is kept is scaled up
        "dropout scales what it keeps": torch.equal(first, torch.where(first == 0, 0, features / 0.5)),
        "dropout, eval, is the identity": torch.equal(dropout.eval()(features), features),
        "two draws agree": torch.equal(first, second),
        "one seed draws one mask": torch.equal(first, again),
        "dropout, training, drawn": first,
    }


def epoch(
    model: nn.Module,
    optimizer: torch.optim.Optimizer,
    schedule: torch.optim.lr_scheduler.LRScheduler,
    images: Float[Tensor, "batch channels height width"],
    labels: Int[Tensor, "batch"],
) -> None:
    """Ten steps in training mode: the module keeps the weights and the running statistics."""
    model.train()
    for x, y in zip(images.chunk(10), labels.chunk(10), strict=True):
        optimizer.zero_grad()
        cross_entropy(model(x), y).backward()
        optimizer.step()
        schedule.step()


@torch.no_grad()
def accuracy(
    model: nn.Module, images: Float[Tensor, "batch channels height width"], labels: Int[Tensor, "batch"]
) -> float:
    """The share of right guesses in batches of 5, in whichever mode the module is."""
    guessed = torch.cat([model(x).argmax(dim=1) for x in images.split(5)])
    return (guessed == labels).sum().item() / len(labels)


def forgotten_eval(
    images: Float[Tensor, "train channels height width"],
    labels: Int[Tensor, "train"],
    held_out: Float[Tensor, "validation channels height width"],
    held_out_labels: Int[Tensor, "validation"],
    seed: int,
) -> dict[str, object]:
    """Validation accuracy after each epoch, in eval mode and with eval mode forgotten, on the same weights."""
    right, forgotten = [], []
    with torch.random.fork_rng(range(torch.cuda.device_count())):  # weights and masks come from global generators
        torch.manual_seed(seed)
        model = RegularizedMLP(rate=0.8).to(images)
        optimizer = torch.optim.Adam(model.parameters(), lr=3e-3)
        schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, 120)
        for _ in range(12):
            epoch(model, optimizer, schedule, images, labels)
            careless = copy.deepcopy(model)  # still in training mode
            forgotten.append(accuracy(careless, held_out, held_out_labels))
            right.append(accuracy(model.eval(), held_out, held_out_labels))
        again = [accuracy(model, held_out, held_out_labels) for _ in range(3)]
        forgotten_again = [accuracy(careless, held_out, held_out_labels) for _ in range(3)]

    statistics, moved = (one.get_buffer("net.2.running_mean") for one in (model, careless))
    swing, swing_forgotten = (max(late) - min(late) for late in (right[6:], forgotten[6:]))
    return {
        "accuracy by epoch": torch.tensor(right),
        "accuracy by epoch, forgotten": torch.tensor(forgotten),
        "training accuracy": accuracy(model, images, labels),
        "swing of the last six epochs": swing,
        "swing of the last six epochs, forgotten": swing_forgotten,
        "swings more when forgotten": swing_forgotten > swing,
        "lower when forgotten": max(forgotten[6:]) < min(right[6:]),
        "same weights, same accuracy": len({right[-1], *again}) == 1,
        "same weights, same accuracy, forgotten": len({forgotten[-1], *forgotten_again}) == 1,
        "validation moved the statistics": not torch.equal(moved, statistics),
    }


class Careful(nn.Module):
    """ReLU and dropout. Dropout, which has a mode, is an object: ``train`` and ``eval`` reach it."""

    def __init__(self) -> None:
        super().__init__()
        self.dropout = nn.Dropout(0.5)

    def forward(self, x: Float[Tensor, "batch features"]) -> Float[Tensor, "batch features"]:
        return self.dropout(F.relu(x))


class Careless(nn.Module):
    """The same with dropout as a function that is not told the mode: it drops in eval mode too."""

    def forward(self, x: Float[Tensor, "batch features"]) -> Float[Tensor, "batch features"]:
        return F.dropout(F.relu(x), 0.5)  # training=self.training is missing


def object_and_function(features: Float[Tensor, "batch features"], seed: int) -> dict[str, object]:
    """A layer as an object and as a function: the same numbers, until the layer has a mode to obey."""
    careful, careless = Careful().eval(), Careless().eval()
    with torch.random.fork_rng(range(torch.cuda.device_count())):
        torch.manual_seed(seed)
        right = [careful(features) for _ in range(2)]
        wrong = [careless(features) for _ in range(2)]

        careful.train()
        moving = torch.stack([careful(features) for _ in range(8)])
        stuck = torch.empty_like(moving)
        for step in range(8):
            torch.manual_seed(seed)  # inside the loop: every step drops the same units
            stuck[step] = careful(features)
    return {
        "ReLU as an object": nn.ReLU()(features),
        "ReLU as a function": F.relu(features),
        "careful, evaluated": right[0],
        "careful, two evaluations agree": torch.equal(*right),
        "careless, two evaluations agree": torch.equal(*wrong),
        "steps that use a unit, of 8": (moving[:, 0] != 0).sum(dim=0),
        "steps that use a unit, of 8, one seed": (stuck[:, 0] != 0).sum(dim=0),
        "one mask in 8 steps": all(torch.equal(one, moving[0]) for one in moving),
        "one mask in 8 steps, one seed": all(torch.equal(one, stuck[0]) for one in stuck),
    }
