"""What is judged of torchref/layers.py."""

import copy
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from compare.lessons.row import Quantities
from torchref.layers import accuracy, dropped, eight_steps

Pair = tuple[Tensor, Tensor]


@contextmanager
def _seeded(seed: int) -> Iterator[None]:
    """The global generator, from which modules draw, lent a seed and put back."""
    with torch.random.fork_rng(range(torch.cuda.device_count())):
        torch.manual_seed(seed)
        yield


def modes(
    function: Callable[..., tuple[Tensor, Tensor, Tensor, Tensor]],
    features: Tensor, mask: Tensor, mean: Tensor, variance: Tensor, seed: int,
) -> Quantities:  # fmt: skip
    """Batch norm in both modes and what it moves; dropout in both, and what it draws."""
    evaluated, trained, running_mean, running = function(features, mean, variance)
    with _seeded(seed):
        (first, kept), (second, _) = dropped(features), dropped(features)
        torch.manual_seed(seed)
        again, _ = dropped(features)
    return {
        "batch norm, eval": evaluated,
        "batch norm, training": trained,
        "running mean": running_mean,
        "running variance": running,
        "running variance, from the biased one": 0.9 * variance
        + (running - 0.9 * variance) * (len(features) - 1) / len(features),
        "dropout, training, mask given": features * mask / (1 - 0.5),  # what is kept is scaled up
        "dropout scales what it keeps": torch.equal(first, torch.where(first == 0, 0, features / 0.5)),
        "dropout, eval, is the identity": torch.equal(kept, features),
        "two draws agree": torch.equal(first, second),
        "one seed draws one mask": torch.equal(first, again),
        "dropout, training, drawn": first,
    }


def forgotten_eval(
    function: Callable[..., tuple[list[float], list[float], nn.Module]],
    images: Tensor, labels: Tensor, held_out: Tensor, held_out_labels: Tensor, seed: int,
) -> Quantities:  # fmt: skip
    """The curves, how they swing, and three passes more over the last weights in either mode."""
    with _seeded(seed):
        right, forgotten, model = function(images, labels, held_out, held_out_labels)
        careless = copy.deepcopy(model).train()
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


def object_and_function(function: Callable[..., tuple[Pair, Pair]], features: Tensor, seed: int) -> Quantities:
    """Whether two evaluations agree, and which units are used in eight steps."""
    with _seeded(seed):
        right, wrong = function(features)
        moving, stuck = eight_steps(features, seed)
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
