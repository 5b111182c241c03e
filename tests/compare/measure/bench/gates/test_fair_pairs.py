"""Pairs, honest and unfair: what a pair's own code does to its plain steps is seen before they are a yardstick."""

from dataclasses import replace
from functools import cache
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
import torch
from flax import linen as nn

from compare.arrays.batch import Batch
from compare.measure.bench.gates.gate_table import stopped_by
from compare.pair.pair import Optimizers, Pair
from compare.pair.pair_file import load
from tests.compare.measure.bench.gates.doubles import Case

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning")
USERS_MODELS = True
EXAMPLES = Path(__file__).parents[5] / "examples"


class Reference(torch.nn.Module):
    """A strided convolution with padding, batch norm, and a layer."""

    def __init__(self):
        super().__init__()
        self.conv = torch.nn.Conv2d(3, 4, 3, stride=2, padding=1)
        self.norm = torch.nn.BatchNorm2d(4)
        self.head = torch.nn.Linear(64, 5)

    def forward(self, images):
        return self.head(torch.relu(self.norm(self.conv(images))).flatten(1))


class Port(nn.Module):
    """The same."""

    @nn.compact
    def __call__(self, images, train: bool = True):
        x = nn.Conv(4, (3, 3), strides=2, padding=1)(images)
        x = nn.relu(nn.BatchNorm(use_running_average=not train, momentum=0.9, epsilon=1e-5)(x))
        return nn.Dense(5)(jnp.transpose(x, (0, 3, 1, 2)).reshape(len(x), -1))


def batch(rng, rows=8):
    images, labels = rng.standard_normal((rows, 3, 8, 8), dtype=np.float32), rng.integers(0, 5, rows)
    return Batch.of((images,), (labels,), names=("images",), bounds={"targets": (0, 5)})


def pair(reference=Reference, port=Port, draw=batch):
    return Pair(
        name="convolution",
        reference=reference(),
        port=port(),
        batch=draw,
        loss=(
            torch.nn.functional.cross_entropy,
            lambda x, y: optax.softmax_cross_entropy_with_integer_labels(x, y).mean(),
        ),
        optimizers=Optimizers(lambda p: torch.optim.Adam(p, lr=1e-3), lambda: optax.adam(1e-3)),
    )


@cache
def honest():
    return Case(pair(), many=16)


def stopped(case):
    return {**stopped_by(case.plain, case.yard), **stopped_by(case.yard.jit, case.yard)}


def test_a_strided_convolution_with_batch_norm_at_batch_8_is_fair():
    """Where compilers' own counts of operations differ by a third."""
    assert stopped(honest()) == {}


@pytest.mark.parametrize("file", ["resnet", "gpt_block"])
def test_an_example_is_fair(file):
    """Residual convolutions, attention: each as its people write it."""
    (own,) = load(EXAMPLES / f"{file}.py")
    optimizers = Optimizers(lambda p: torch.optim.AdamW(p, lr=1e-3), lambda: optax.adamw(1e-3, weight_decay=1e-2))
    assert stopped(Case(replace(own, optimizers=optimizers), batches=4, many=8)) == {}


class Twice(Reference):
    """The forward pass once for the log."""

    def forward(self, images):
        with torch.no_grad():
            super().forward(images)
        return super().forward(images)


class Double(Reference):
    """A mean in float64."""

    def forward(self, images):
        return super().forward((images.double() * 1.0).to(images.dtype))


class Items(Reference):
    """Looks at ten of its numbers."""

    def forward(self, images):
        for i in range(10):
            images[0, 0, 0, i % 8].item()
        return super().forward(images)


class Chained(Reference):
    """Does nothing, seven hundred times."""

    def forward(self, images):
        for _ in range(700):
            images = images + 0.0
        return super().forward(images)


class LowPort(nn.Module):
    """In bfloat16 inside."""

    @nn.compact
    def __call__(self, images, train: bool = True):
        x = nn.Conv(4, (3, 3), strides=2, padding=1, dtype=jnp.bfloat16)(images).astype(images.dtype)
        x = nn.relu(nn.BatchNorm(use_running_average=not train, momentum=0.9, epsilon=1e-5)(x))
        return nn.Dense(5)(jnp.transpose(x, (0, 3, 1, 2)).reshape(len(x), -1))


class Printing(Port):
    """A print that was left in."""

    @nn.compact
    def __call__(self, images, train: bool = True):
        jax.debug.callback(lambda: None)
        return super().__call__(images, train)


def zeros(rng):
    given = batch(rng)
    return replace(given, inputs={name: np.zeros_like(array) for name, array in given.inputs.items()})


UNFAIR = {
    "the forward pass twice": ("work", {"reference": Twice}),
    "float64 inside": ("dtypes", {"reference": Double}),
    "ten item()": ("host", {"reference": Items}),
    "a long chain of nothing": ("operations", {"reference": Chained}),
    "bfloat16 inside": ("dtypes", {"port": LowPort}),
    "a callback": ("host", {"port": Printing}),
    "zeros": ("inputs", {"draw": zeros}),
    "one batch": ("inputs", {"draw": lambda rng: batch(np.random.default_rng(0))}),
}


@pytest.mark.parametrize("name", UNFAIR)
def test_an_unfair_pair_is_stopped(name):
    """One of its plain steps does what the other does not, or both are fed what nobody trains on."""
    gate, changed = UNFAIR[name]
    sentences = stopped(Case(pair(**changed), batches=4, many=8))
    assert gate in sentences
    assert "expected" in sentences[gate]
