"""What the rows by hand share: a multilayer perceptron whose parameters, gradients and momenta each lie in one vector.

The derivation is that of ``compare.pair.by_hand``, for any number of layers.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from compare.measure.bench.runner import Unavailable
from compare.pair.pair import Entering
from compare.pair.prepared import Prepared

KNOWN = {"learning_rate", "momentum"}


@dataclass(frozen=True)
class Layout:
    """Where the parameters lie in the vector.

    Attributes:
        names: W1, b1, W2, b2, ... by the reference's names, in the order of the vector.
        shapes: (out, in) and (out,) in turn, as the reference has them.
        learning_rate, momentum: of ``v = momentum * v + g``, ``w = w - learning_rate * v``.
        inputs_first: a matrix lies in the vector as (in, out).
    """

    names: tuple[str, ...]
    shapes: tuple[tuple[int, ...], ...]
    learning_rate: float
    momentum: float
    inputs_first: bool = False

    @property
    def size(self) -> int:
        return sum(int(np.prod(shape)) for shape in self.shapes)

    @property
    def widths(self) -> list[int]:
        """Of the input, of each hidden layer, and of the output."""
        return [self.shapes[0][1], *(shape[0] for shape in self.shapes[::2])]

    def slices(self) -> list[tuple[slice, tuple[int, ...]]]:
        """The part of the vector that each parameter takes, and its shape there."""
        ends = np.cumsum([int(np.prod(shape)) for shape in self.shapes])
        return [
            (slice(int(end) - int(np.prod(shape)), int(end)), shape[::-1] if self.inputs_first else shape)
            for end, shape in zip(ends, self.shapes, strict=True)
        ]

    def vector(self, arrays: Mapping[str, np.ndarray]) -> np.ndarray:
        return np.concatenate([self._turned(np.asarray(arrays[name])).reshape(-1) for name in self.names])

    def named(self, vector: np.ndarray) -> dict[str, np.ndarray]:
        """Copies in float64, by name, as the reference has them."""
        parts = zip(self.names, self.slices(), strict=True)
        return {name: self._turned(vector[part].reshape(shape)).astype(np.float64) for name, (part, shape) in parts}

    def _turned(self, array: np.ndarray) -> np.ndarray:
        return array.T if self.inputs_first else array


def layout_of(prepared: Prepared, entering: Entering, inputs_first: bool = False) -> Layout:
    """The layout of a pair that somebody has derived by hand; ``inputs_first`` as in ``Layout``.

    Raises:
        Unavailable: nobody has, or its parameters are no perceptron's, or it has another update rule than momentum's.
    """
    names = tuple(entering.weights)
    shapes = tuple(entering.weights[name].shape for name in names)
    matrices, biases = shapes[::2], shapes[1::2]
    chained = len(matrices) == len(biases) and all(
        len(matrix) == 2 and bias == matrix[:1] for matrix, bias in zip(matrices, biases, strict=True)
    )
    if prepared.pair.by_hand is None or not chained or any(one[0] != other[1] for one, other in pairwise(matrices)):
        raise Unavailable("by hand a multilayer perceptron is derived, and this pair is none (by_hand=)")
    if not {"learning_rate"} <= set(entering.hyper) <= KNOWN:
        raise Unavailable(f"by hand the update is that of momentum, not one with {', '.join(entering.hyper)}")
    return Layout(
        names, shapes, float(entering.hyper["learning_rate"]), float(entering.hyper.get("momentum", 0.0)), inputs_first
    )
