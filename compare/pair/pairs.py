"""The project's own pairs. A pair is one row: adding one buys every check, certificate and test."""

import inspect
from collections.abc import Callable
from pathlib import Path

import numpy as np

from compare.arrays.batch import Batch
from compare.errors import UsageError
from compare.pair.drawing import uniform_fan_in
from compare.pair.number_of_rows import with_rows
from compare.pair.pair import Optimizers, Pair
from compare.weights.entry import linear, same
from compare.weights.weights import WeightMap

BATCH = 64


def mlp(data: Path | None = None, rows: int | None = None) -> Pair:
    """The MLP on real images: ``rows`` of them (64 unless said), drawn without repetition from the images to train."""
    import jaxport.losses
    import jaxport.mlp
    import jaxport.optimizers
    import torchref.losses
    import torchref.mlp
    import torchref.optimizers
    from compare.arrays.images import CLASSES, load_images
    from compare.pair import by_hand

    images = load_images(data)
    available, pixels = len(images.train_labels), int(np.prod(images.train_images.shape[1:]))
    rows = BATCH if rows is None else rows
    if not 0 < rows <= available:
        raise UsageError(f"--batch {rows}: expected 1 to {available} rows, as many as there are images to train")

    def draw(rng: np.random.Generator) -> Batch:
        chosen = rng.choice(available, rows, replace=False)
        inputs = {"images": images.train_images[chosen]}
        return Batch(inputs, {"labels": images.train_labels[chosen]}, {"labels": (0, CLASSES)})

    shapes = {
        "net.1.weight": (128, pixels),
        "net.1.bias": (128,),
        "net.3.weight": (CLASSES, 128),
        "net.3.bias": (CLASSES,),
    }
    return Pair(
        name="mlp",
        title=f"nn.Module and Flax Linen on {images.name}",
        reference=torchref.mlp.MLP(in_dim=pixels),
        port=jaxport.mlp.MLP(),
        batch=draw,
        weights=lambda rng: uniform_fan_in(shapes, rng),
        weight_map=WeightMap(linear("net.1", "Dense_0"), linear("net.3", "Dense_1")),
        loss=(torchref.losses.cross_entropy, jaxport.losses.cross_entropy),
        optimizers=_sgd(torchref.optimizers.sgd, jaxport.optimizers.sgd),
        by_hand=by_hand.mlp(("net.1.weight", "net.1.bias", "net.3.weight", "net.3.bias")),
    )


def loose(rows: int | None = None) -> Pair:
    """The small case on loose tensors: 16 rows (unless said) of 20 inputs, 32 hidden, 4 classes, drawn from N(0, 1)."""
    import jaxport.autograd
    import jaxport.losses
    import jaxport.optimizers
    import torchref.autograd
    import torchref.losses
    import torchref.optimizers
    from compare.pair import by_hand

    shapes = {"W1": (32, 20), "b1": (32,), "W2": (4, 32), "b2": (4,)}

    def draw(rng: np.random.Generator) -> Batch:
        x, y = rng.standard_normal((16, 20), dtype=np.float32), rng.integers(0, 4, 16)
        return Batch({"x": x}, {"y": y}, {"y": (0, 4)})

    made = Pair(
        name="loose",
        title="loose tensors W1, b1, W2, b2 and a dictionary of arrays",
        reference=torchref.autograd.loose_mlp,
        port=jaxport.autograd.loose_mlp,
        batch=draw,
        weights=lambda rng: uniform_fan_in(shapes, rng),
        weight_map=WeightMap(same(*shapes)),
        loss=(torchref.losses.cross_entropy, jaxport.losses.cross_entropy),
        optimizers=_sgd(torchref.optimizers.sgd, jaxport.optimizers.sgd),
        by_hand=by_hand.mlp(("W1", "b1", "W2", "b2")),
    )
    return made if rows is None else with_rows(made, rows)


def _sgd(reference: Callable, port: Callable) -> Optimizers:
    """The recipe of the training run: learning rate 0.1, momentum 0.9."""
    return Optimizers(reference, port, {"learning_rate": 0.1, "momentum": 0.9})


# By name; a row's own signature says what it takes: ``data`` where it has images, ``rows`` of a batch.
REGISTRY: dict[str, Callable[..., Pair]] = {"mlp": mlp, "loose": loose}


def check_name(name: str) -> None:
    """Refuse a name that is no pair's, before anything slow is imported.

    Raises:
        UsageError: there is no such pair.
    """
    if name not in REGISTRY:
        raise UsageError(f"unknown pair {name!r}: expected one of {', '.join(REGISTRY)}")


def takes_images(name: str) -> bool:
    """Whether a pair of the project's is fed images, and so takes others."""
    return "data" in inspect.signature(REGISTRY[name]).parameters


def find(name: str, data: Path | None = None, rows: int | None = None) -> Pair:
    """The pair called ``name``, its batch drawn from ``data``; ``rows``: other than its own.

    Raises:
        UsageError: there is no such pair, or it draws what it is fed and takes no images.
    """
    check_name(name)
    if data is None:
        return REGISTRY[name](rows=rows)
    if not takes_images(name):
        fed = ", ".join(filter(takes_images, REGISTRY))
        raise UsageError(f"--data: holds images, and {name} draws its own batches: leave it out, or name {fed}")
    return REGISTRY[name](data=data, rows=rows)
