"""Pairs small enough to be compiled in every way, and what each row makes of them.

Their functions are plain ones: those of ``torchref`` are checked for shapes while tests run, by a wrapper that torch's
compiler does not get through.
"""

from dataclasses import dataclass, replace
from functools import cache, partial

import numpy as np
import optax
import torch
from torch import nn

import jaxport.optimizers
import torchref.optimizers
from compare.arrays.arrays import Arrays
from compare.arrays.batch import Batch
from compare.frameworks.devices import Device
from compare.measure.bench.rows import Row
from compare.measure.bench.runner import Runner
from compare.measure.bench.runners.deep_mlp import TorchMLP
from compare.pair.pair import Entering, Optimizers, Pair
from compare.pair.pairs import find
from compare.pair.prepare import prepare
from compare.pair.prepared import Prepared
from compare.verdict.precision import FLOAT32, FLOAT64, Precision
from jaxport.mlp_regularized import RegularizedMLP as Port

STEPS = 8
LEARNING = Optimizers(torchref.optimizers.sgd, jaxport.optimizers.sgd, {"learning_rate": 0.1, "momentum": 0.9})
LOSS = (
    nn.functional.cross_entropy,
    lambda logits, labels: optax.softmax_cross_entropy_with_integer_labels(logits, labels).mean(),
)


def images(rng: np.random.Generator) -> Batch:
    """Six of 6 by 6 pixels in four classes."""
    return Batch({"images": rng.standard_normal((6, 1, 6, 6), dtype=np.float32)}, {"labels": rng.integers(0, 4, 6)})


def regularized() -> Pair:
    """Dropout and batch norm."""
    torch.manual_seed(0)
    reference = nn.Sequential(
        nn.Flatten(), nn.Linear(36, 12), nn.BatchNorm1d(12), nn.ReLU(), nn.Dropout(0.5), nn.Linear(12, 4)
    )
    return Pair(reference, Port(12, 4), images, loss=LOSS, optimizers=LEARNING, modes=("train",))


def loose_mlp(params: dict[str, torch.Tensor], x: torch.Tensor) -> torch.Tensor:
    return torch.relu(x @ params["W1"].T + params["b1"]) @ params["W2"].T + params["b2"]


def loose() -> Pair:
    """The project's small case: 16 rows of 20 inputs, 32 hidden, 4 classes."""
    return replace(find("loose"), reference=loose_mlp, loss=LOSS)


def mlp() -> Pair:
    """The project's perceptron on 8 images."""
    return replace(find("mlp", rows=8), reference=TorchMLP((784, 128, 10)), loss=LOSS)


PAIRS = {"loose": loose, "mlp": mlp, "regularized": regularized}


@cache
def ready(name: str) -> tuple[Prepared, Entering]:
    """A pair brought together, and what enters: ``loose``, ``mlp`` or ``regularized``."""
    prepared = prepare(PAIRS[name]())
    return prepared, prepared.enter(0, STEPS).at(FLOAT32)


def plainly(row: Row) -> Row:
    """The row with torch's graphs run as they are: what is tested is the step, and not the compiler."""
    return replace(row, build=partial(row.build, backend="aot_eager")) if row.compiles and row.side == "torch" else row


@dataclass
class Trained:
    """What a row did: the gradient of the first batch, and parameters before and after two passes."""

    runner: Runner
    gradients: Arrays
    before: Arrays
    after: Arrays


def trained(row: Row, pair: str, device: Device, precision: Precision = FLOAT64, masked: bool = False) -> Trained:
    prepared, entering = ready(pair)
    runner = plainly(row).built(prepared, entering, precision, device, masked)
    gradients, before = runner.gradients(), runner.parameters()
    runner.call(2 * STEPS // runner.steps_per_call)
    runner.wait()
    return Trained(runner, gradients, before, runner.parameters())


def apart(left: Arrays, right: Arrays) -> float:
    """The largest difference."""
    assert set(left) == set(right)
    return max(float(np.abs(left[name] - right[name]).max()) for name in left)
