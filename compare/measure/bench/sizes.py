"""Pairs made ready to be timed: a loss and an optimizer where there is none, the perceptron of any width and depth."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from compare.arrays.images import CLASSES, load_images
from compare.errors import UsageError
from compare.measure.bench.question import DEPTH, WIDTH
from compare.pair import by_hand
from compare.pair.drawing import uniform_fan_in
from compare.pair.number_of_rows import with_rows
from compare.pair.pair import Optimizers, Pair
from compare.pair.pairs import BATCH, find
from compare.sides.port_forward import outputs_by_name
from compare.sides.reference_forward import has_gradient, tensors_by_name
from compare.weights.entry import linear
from compare.weights.weights import WeightMap


def in_training(pair: Pair) -> Pair:
    """``pair`` with what a training step needs, so that one that was written to be verified can be timed too: the mean
    square of its outputs where it has no loss (against a random cotangent, as it is verified, a loss has no bound, and
    training runs away), and SGD with a momentum where it has no optimizers. Its title says so."""
    missing = []
    if pair.loss is None:
        pair, missing = replace(pair, loss=(_mean_square, _mean_square_in_jax)), ["on the mean square of its outputs"]
    if pair.optimizers is None:
        import jaxport.optimizers
        import torchref.optimizers

        hyper = {"learning_rate": 1e-2, "momentum": 0.9}
        own = Optimizers(torchref.optimizers.sgd, jaxport.optimizers.sgd, hyper)
        pair, missing = replace(pair, optimizers=own), [*missing, "by SGD with a momentum"]
    if not callable(pair.batch):
        missing.append("with rows of its one batch")
    return replace(pair, title=f"{pair.title}, trained {' '.join(missing)}".lstrip(", ")) if missing else pair


def _mean_square(outputs: Any) -> Any:
    floating = [one for one in tensors_by_name(outputs).values() if has_gradient(one)]
    return sum(one.abs().square().mean() for one in floating)


def _mean_square_in_jax(outputs: Any) -> Any:
    import jax.numpy as jnp

    floating = [one for one in outputs_by_name(outputs).values() if jnp.issubdtype(one.dtype, jnp.inexact)]
    return sum(jnp.square(jnp.abs(one)).mean() for one in floating)


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
