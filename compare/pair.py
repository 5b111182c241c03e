"""What a pair is: one reference, one port, and the recipe for the identical NumPy arrays both are fed."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from compare.arrays import freeze, rounded
from compare.precision import Precision
from compare.weights import Arrays, WeightMap


@dataclass(frozen=True)
class Batch:
    """The NumPy arrays fed to both sides, read-only and C-contiguous from the moment a batch exists.

    Attributes:
        inputs: the model's positional arguments, in order.
        targets: the loss's further arguments, in order.
        bounds: for each integer array, the half-open range its values may take.
    """

    inputs: Arrays
    targets: Arrays
    bounds: Mapping[str, tuple[int, int]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        object.__setattr__(self, "inputs", {name: freeze(array) for name, array in self.inputs.items()})
        object.__setattr__(self, "targets", {name: freeze(array) for name, array in self.targets.items()})

    def at(self, precision: Precision) -> "Batch":
        """The same batch with every float rounded to ``precision``, once and for all runs."""
        return replace(
            self,
            inputs={name: rounded(array, precision) for name, array in self.inputs.items()},
            targets={name: rounded(array, precision) for name, array in self.targets.items()},
        )


@dataclass(frozen=True)
class Optimizers:
    """How each side trains: ``reference(parameters, **hyper)`` and ``port(**hyper)`` build its optimizer."""

    reference: Callable[..., Any]
    port: Callable[..., Any]
    hyper: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True)
class Pair:
    """One row of the registry. From this row alone come the checks, the certificates, the mutants and the tests.

    Attributes:
        reference: an ``nn.Module``, or a function of (dictionary of tensors, *inputs).
        port: a Linen module, or a function of (dictionary of arrays, *inputs).
        draw: the recipe: a batch from a NumPy generator, every time with the same shapes.
        weights: initial weights from a NumPy generator, under the reference's names and in its layout.
        weight_map: which of them is which leaf of the port.
        reference_loss, port_loss: a scalar from (outputs, *targets), the same function on both sides.
        optimizers: both optimizers with their shared hyper-parameters.
        by_hand: outputs, loss and gradients from (weights, batch) in NumPy, where somebody has derived them.
        smooth: no kink anywhere (no ReLU, max, abs): then rounding errors must agree closely on both sides.
    """

    name: str
    title: str
    reference: Any
    port: Any
    draw: Callable[[np.random.Generator], Batch]
    weights: Callable[[np.random.Generator], Arrays]
    weight_map: WeightMap
    reference_loss: Callable[..., Any]
    port_loss: Callable[..., Any]
    optimizers: Optimizers
    by_hand: Callable[[Arrays, Batch], Arrays] | None = None
    smooth: bool = False


@dataclass(frozen=True)
class Entering:
    """All that enters one side's run, and the only thing a mutant may change.

    Attributes:
        weights: under the reference's names, in its layout.
        batches: the first is the one that outputs and gradients are taken on; training steps take them in order.
        cotangent: what the loss's gradient is multiplied by on its way back.
        hyper: the optimizer's hyper-parameters.
    """

    weights: Arrays
    batches: tuple[Batch, ...]
    cotangent: float
    hyper: Mapping[str, float]

    def at(self, precision: Precision) -> "Entering":
        return replace(
            self,
            weights={name: rounded(array, precision) for name, array in self.weights.items()},
            batches=tuple(batch.at(precision) for batch in self.batches),
        )


def enter(pair: Pair, seed: int, steps: int) -> Entering:
    """What enters both sides of ``pair``: weights and ``steps`` batches, all from one seeded NumPy generator."""
    rng = np.random.default_rng(seed)
    weights = {name: freeze(array) for name, array in pair.weights(rng).items()}
    return Entering(weights, tuple(pair.draw(rng) for _ in range(steps)), 1.0, dict(pair.optimizers.hyper))
