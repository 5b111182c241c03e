"""Layers that act otherwise in training: dropout and batch norm, as objects and as functions."""

import copy

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn
from torch.nn import functional as F

from torchref.losses import cross_entropy
from torchref.mlp_regularized import RegularizedMLP


def modes(
    features: Float[Tensor, "batch features"], mean: Float[Tensor, "features"], variance: Float[Tensor, "features"]
) -> tuple[Float[Tensor, "batch features"], Float[Tensor, "batch features"], Tensor | None, Tensor | None]:
    """Batch norm in eval mode and in training mode: which statistics it uses, and which it moves.

    Returns:
        What it makes of the features in eval mode and in training mode, and the running mean and variance after both.
    """
    norm = nn.BatchNorm1d(features.shape[1]).to(features)
    norm.load_state_dict({"running_mean": mean, "running_var": variance}, strict=False)
    norm.eval()
    evaluated = norm(features)  # by the running statistics, which stay
    norm.train()
    trained = norm(features)  # by the batch's own; the running ones move, in place
    return evaluated, trained, norm.running_mean, norm.running_var


def dropped(features: Float[Tensor, "batch features"]) -> tuple[Tensor, Tensor]:
    """Dropout in training mode and in eval mode."""
    dropout = nn.Dropout(0.5)  # a new module is in training mode
    trained = dropout(features)  # the mask is drawn from the global generator; what is kept is doubled
    evaluated = dropout.eval()(features)  # the identity
    return trained, evaluated


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
) -> tuple[list[float], list[float], nn.Module]:
    """Validation accuracy after each epoch, in eval mode and with eval mode forgotten, on the same weights.

    Returns:
        Both accuracies after each of twelve epochs, and the model, in eval mode.
    """
    model = RegularizedMLP(rate=0.8).to(images)
    optimizer = torch.optim.Adam(model.parameters(), lr=3e-3)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, 120)
    right, forgotten = [], []
    for _ in range(12):
        epoch(model, optimizer, schedule, images, labels)
        careless = copy.deepcopy(model)  # still in training mode: validation moves its running statistics
        forgotten.append(accuracy(careless, held_out, held_out_labels))
        model.eval()
        right.append(accuracy(model, held_out, held_out_labels))
    return right, forgotten, model


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


def object_and_function(
    features: Float[Tensor, "batch features"],
) -> tuple[tuple[Tensor, Tensor], tuple[Tensor, Tensor]]:
    """Two evaluations with dropout as an object, and two with dropout as a function that knows no mode.

    Returns:
        The two outputs of the object, which are equal, and the two of the function, which are not.
    """
    careful, careless = Careful(), Careless()
    careful.eval()
    careless.eval()  # reaches no F.dropout
    right = careful(features), careful(features)
    wrong = careless(features), careless(features)
    return right, wrong


def eight_steps(features: Float[Tensor, "batch features"], seed: int) -> tuple[Tensor, Tensor]:
    """What dropout keeps in eight steps: with a new draw each time, and seeded anew inside the loop."""
    model = Careful()
    moving = torch.stack([model(features) for _ in range(8)])
    stuck = []
    for _ in range(8):
        torch.manual_seed(seed)  # meant for reproducibility: every step drops the same units
        stuck.append(model(features))
    return moving, torch.stack(stuck)
