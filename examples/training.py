"""A training step with all that a real one has: dropout, batch norm, weights of classes, smoothed labels, a schedule.

The masks of one side are replayed on the other; running statistics are compared after each step. What differs and must
not matter: Flax keeps a share of 0.9 of its statistics where torch moves by 0.1. What differs and is accepted: its
running variance is that of the batch, divided by N, where torch divides by N - 1.

    jaxport verify examples/training.py
"""

import numpy as np
import optax
from jax import Array, nn
from jax import numpy as jnp
from torch import Tensor, tensor
from torch.nn import functional as F

import jaxport.optimizers as port
import torchref.optimizers as reference
from compare.arrays.batch import Batch
from compare.pair.pair import Optimizers, Pair
from jaxport.mlp_regularized import RegularizedMLP as FlaxMLP
from torchref.mlp_regularized import RegularizedMLP

WEIGHTS, SMOOTHING = (0.5, 1.0, 2.0, 4.0), 0.1


def batch(rng: np.random.Generator) -> Batch:
    images, labels = rng.standard_normal((12, 1, 4, 4), np.float32), rng.integers(0, len(WEIGHTS), 12)
    return Batch({"images": images}, {"labels": labels}, {"labels": (0, len(WEIGHTS))})


def loss(logits: Tensor, labels: Tensor) -> Tensor:
    return F.cross_entropy(logits, labels, weight=tensor(WEIGHTS).to(logits), label_smoothing=SMOOTHING)


def flax_loss(logits: Array, labels: Array) -> Array:
    weights = jnp.asarray(WEIGHTS, logits.dtype)
    targets = optax.smooth_labels(nn.one_hot(labels, len(WEIGHTS), dtype=logits.dtype), SMOOTHING)
    rows = -(targets * weights * nn.log_softmax(logits)).sum(axis=1)  # a weight for each class, not for each row
    return rows.sum() / weights[labels].sum()


def in_torch(parameters: list[Tensor]) -> object:
    optimizer = reference.adamw(parameters, 1e-2)
    return optimizer, reference.warmup_then_cosine(optimizer, 2, 20)


pair = Pair(
    reference=RegularizedMLP(16, 8, 4),
    port=FlaxMLP(8, 4),
    batch=batch,
    loss=(loss, flax_loss),
    optimizers=Optimizers(in_torch, lambda: port.adamw(port.warmup_then_cosine(1e-2, 2, 20))),
    accept=("running_variance",),
)
