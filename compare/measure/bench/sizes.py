"""Pairs made ready to be timed: an optimizer where there is none, and the perceptron of any width and depth."""

from dataclasses import replace
from pathlib import Path

import numpy as np

from compare.arrays.images import CLASSES, load_images
from compare.errors import UsageError
from compare.measure.bench.question import DEPTH, WIDTH
from compare.pair import by_hand
from compare.pair.drawing import uniform_fan_in
from compare.pair.number_of_rows import with_rows
from compare.pair.pair import Optimizers, Pair
from compare.pair.pairs import BATCH, find
from compare.weights.entry import linear
from compare.weights.weights import WeightMap


def with_optimizers(pair: Pair) -> Pair:
    """``pair``; where it has no optimizers, with SGD and a momentum, so that a pair that was written to be verified can
    be timed too. Its steps are small: without a loss the outputs have no bound to be driven to."""
    if pair.optimizers is not None:
        return pair
    import jaxport.optimizers
    import torchref.optimizers

    hyper = {"learning_rate": 1e-3, "momentum": 0.9}
    title = f"{pair.title}, trained by SGD with a momentum".lstrip(", ")
    return replace(pair, title=title, optimizers=Optimizers(torchref.optimizers.sgd, jaxport.optimizers.sgd, hyper))


def perceptron(width: int = WIDTH, depth: int = DEPTH, rows: int = BATCH, data: Path | None = None) -> Pair:
    """The MLP pair with ``depth`` linear layers, its hidden ones of ``width``; of depth 2 it is the project's own.

    Args:
        rows: of a batch; more than there are images come with repetition.
        data: the images; those of the package where it is None.

    Raises:
        UsageError: a size is too small.
    """
    if width < 1 or depth < 2 or rows < 1:
        raise UsageError(f"expected width and rows from 1 and depth from 2, got {(width, depth, rows)}")
    own = find("mlp", data, min(rows, len(load_images(data).train_labels)))
    pair = own if (width, depth) == (WIDTH, DEPTH) else _of_size(own, width, depth)
    return with_rows(pair, rows)


def _of_size(own: Pair, width: int, depth: int) -> Pair:
    from compare.measure.bench.runners.deep_mlp import LinenMLP, TorchMLP

    pixels = int(np.prod(own.draw(np.random.default_rng(0)).inputs["images"].shape[1:]))
    widths = [pixels, *[width] * (depth - 1), CLASSES]
    layers = [f"net.{2 * layer + 1}" for layer in range(depth)]  # between them the flattening and the ReLUs
    shapes: dict[str, tuple[int, ...]] = {}
    for layer, inputs, outputs in zip(layers, widths[:-1], widths[1:], strict=True):
        shapes |= {f"{layer}.weight": (outputs, inputs), f"{layer}.bias": (outputs,)}
    return replace(
        own,
        title=f"{own.title}, {depth} layers of width {width}",
        reference=TorchMLP(widths),
        port=LinenMLP(tuple(widths[1:])),
        weights=lambda rng: uniform_fan_in(shapes, rng),
        weight_map=WeightMap(*(linear(layer, f"Dense_{place}") for place, layer in enumerate(layers))),
        by_hand=by_hand.deep_mlp(tuple(shapes)),
    )
