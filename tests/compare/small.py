"""Small ports that the tests of many checks share: one dense layer, one network with batch norm, in both frameworks."""

from typing import Any

import jax.numpy as jnp
import numpy as np
import torch
from flax import linen

from compare.arrays.batch import Batch
from compare.pair.pair import Pair
from compare.weights.entry import Entry, linear, same
from compare.weights.weights import WeightMap

X = np.random.default_rng(0).standard_normal((6, 4)).astype(np.float32)


def seeded(build: Any) -> torch.nn.Module:
    """A module whose own weights are always the same."""
    torch.manual_seed(0)
    return build()


def loose_pair(reference: Any, port: Any, inputs: Any = X, **fields: Any) -> Pair:
    """Two functions of one weight vector ``w`` of 4 entries; without a loss, against random cotangents."""
    made: dict[str, Any] = {
        "batch": inputs if callable(inputs) else lambda rng: Batch.of(inputs),
        "weights": lambda rng: {"w": rng.uniform(0.5, 1.5, 4)},
        "weight_map": WeightMap(same("w")),
        "name": "loose",
    }
    return Pair(reference, port, **made | fields)


class TorchDense(torch.nn.Module):
    """A hidden layer and a head."""

    def __init__(self) -> None:
        super().__init__()
        self.fc = torch.nn.Linear(4, 5)
        self.head = torch.nn.Linear(5, 3)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.head(torch.tanh(self.fc(x)))


class LinenDense(linen.Module):
    """The same."""

    @linen.compact
    def __call__(self, x: Any) -> Any:
        x = jnp.tanh(linen.Dense(5)(x))
        return linen.Dense(3)(x)


DENSE_MAP = WeightMap(linear("fc", "Dense_0"), linear("head", "Dense_1"))


def dense_pair(**fields: Any) -> Pair:
    """Both, with the reference's own weights."""
    made: dict[str, Any] = {"batch": lambda rng: Batch.of(X), "weight_map": DENSE_MAP, "name": "dense", "smooth": True}
    return Pair(seeded(TorchDense), LinenDense(), **made | fields)


class LinenNorm(linen.Module):
    """A batch norm after a dense layer; ``momentum`` is Flax's, the weight of the old value."""

    momentum: float = 0.9
    epsilon: float = 1e-5

    @linen.compact
    def __call__(self, x: Any, train: bool) -> Any:
        x = linen.Dense(5)(x)
        return linen.BatchNorm(use_running_average=not train, momentum=self.momentum, epsilon=self.epsilon)(x)


NORM_MAP = WeightMap(
    linear("0", "Dense_0"),
    [
        Entry("1.weight", "params/BatchNorm_0/scale"),
        Entry("1.bias", "params/BatchNorm_0/bias"),
        Entry("1.running_mean", "batch_stats/BatchNorm_0/mean"),
        Entry("1.running_var", "batch_stats/BatchNorm_0/var"),
    ],
)


def norm_pair(momentum: float = 0.9, **fields: Any) -> Pair:
    """Batch norm on both sides, torch's momentum 0.1; the port keeps the variance divided by N, as Flax does."""
    reference = seeded(lambda: torch.nn.Sequential(torch.nn.Linear(4, 5), torch.nn.BatchNorm1d(5)))
    made: dict[str, Any] = {"batch": lambda rng: Batch.of(X), "weight_map": NORM_MAP, "name": "norm", "smooth": True}
    return Pair(reference, LinenNorm(momentum), **made | fields)
