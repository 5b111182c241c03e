"""Random networks as pairs: the same layers as two plain functions, one in each framework."""

from dataclasses import dataclass, replace

import jax
import numpy as np
import torch
from jax import numpy as jnp

import jaxport.losses
import jaxport.optimizers
import torchref.losses
import torchref.optimizers
from compare.arrays.batch import Batch
from compare.pair.drawing import uniform_fan_in
from compare.pair.pair import Entering, Optimizers, Pair
from compare.pair.prepare import prepare
from compare.verdict.precision import Precision
from compare.weights.entry import same
from compare.weights.weights import WeightMap

TORCH = {"relu": torch.relu, "tanh": torch.tanh}
JAX = {"relu": jax.nn.relu, "tanh": jnp.tanh}


@dataclass(frozen=True)
class Architecture:
    """``widths`` runs from the inputs to the classes; ``activation`` stands between the layers."""

    widths: tuple[int, ...]
    rows: int
    activation: str = "relu"

    @property
    def layers(self) -> int:
        return len(self.widths) - 1


def random_architecture(rng: np.random.Generator) -> Architecture:
    """1 to 5 hidden layers, 2 to 128 rows."""
    hidden = rng.integers(4, 97, rng.integers(1, 6))
    widths = (int(rng.integers(3, 65)), *(int(width) for width in hidden), int(rng.integers(2, 11)))
    return Architecture(widths, int(rng.integers(2, 129)), str(rng.choice(["relu", "tanh"], p=[0.8, 0.2])))


def network_pair(architecture: Architecture) -> Pair:
    """A sound pair: cross-entropy on logits, SGD with momentum, weights (out, in) on both sides."""
    widths, layers = architecture.widths, architecture.layers
    shapes: dict[str, tuple[int, ...]] = {}
    for i in range(layers):
        shapes |= {f"W{i}": (widths[i + 1], widths[i]), f"b{i}": (widths[i + 1],)}

    def reference(params, x):
        for i in range(layers):
            x = x @ params[f"W{i}"].t() + params[f"b{i}"]
            x = TORCH[architecture.activation](x) if i < layers - 1 else x
        return x

    def port(params, x):
        for i in range(layers):
            x = x @ params[f"W{i}"].T + params[f"b{i}"]
            x = JAX[architecture.activation](x) if i < layers - 1 else x
        return x

    def draw(rng: np.random.Generator) -> Batch:
        x = rng.standard_normal((architecture.rows, widths[0]), dtype=np.float32)
        return Batch({"x": x}, {"y": rng.integers(0, widths[-1], architecture.rows)}, {"y": (0, widths[-1])})

    return Pair(
        name="network",
        title=str(architecture),
        reference=reference,
        port=port,
        batch=draw,
        weights=lambda rng: uniform_fan_in(shapes, rng),
        weight_map=WeightMap(same(*shapes)),
        loss=(torchref.losses.cross_entropy, jaxport.losses.cross_entropy),
        optimizers=Optimizers(torchref.optimizers.sgd, jaxport.optimizers.sgd, {"learning_rate": 0.1, "momentum": 0.9}),
        smooth=architecture.activation == "tanh",
    )


def enter_scaled(pair: Pair, seed: int, scale: float, precision: Precision, steps: int = 1) -> Entering:
    """What enters, with every weight ``scale`` times as large."""
    entering = prepare(pair).enter(seed, steps)
    weights = {name: scale * array for name, array in entering.weights.items()}
    return replace(entering, weights=weights).at(precision)
