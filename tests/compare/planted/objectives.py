"""Faults of the loss behind one layer: what is counted, weighed, spread and taken for a logarithm."""

from collections.abc import Callable
from functools import partial
from typing import Any

import jax
import numpy as np
import optax
import torch.nn.functional as F
from jax import Array
from jax import numpy as jnp
from torch import Tensor

from compare.arrays.batch import Batch
from tests.compare.planted.kinds import CLASSES, WEIGHTS, losing
from tests.compare.planted.row import Planted

Loss = Callable[..., Any]


def labelled(rng: np.random.Generator) -> Batch:
    labels = np.array([0, 1, 2, -100, 1, 1, 2, -100])
    return Batch.of(rng.standard_normal((8, 4), dtype=np.float32), labels)


def spoken(rng: np.random.Generator) -> Batch:
    labels = np.array([[0, 1, 2, -100], [1, 2, -100, -100], [0, 0, 1, 2]])
    return Batch.of(rng.standard_normal((3, 4, 4), dtype=np.float32), labels)


def classes(rng: np.random.Generator) -> Batch:
    return Batch.of(rng.standard_normal((7, 4), dtype=np.float32), np.array([0, 1, 2, 1, 0, 2, 2]))


def counts(rng: np.random.Generator) -> Batch:
    return Batch.of(rng.standard_normal((5, 4), dtype=np.float32), rng.uniform(1, 4, (5, 3)).astype(np.float32))


def halves(rng: np.random.Generator) -> Batch:
    return Batch.of(rng.standard_normal((5, 4), dtype=np.float32), rng.uniform(0, 1, (5, 3)).astype(np.float32))


def texts(rng: np.random.Generator) -> Batch:
    return Batch.of(rng.standard_normal((2, 5, 4), dtype=np.float32), rng.integers(0, CLASSES, (2, 5)))


def each(out: Array, labels: Array) -> Array:
    return optax.softmax_cross_entropy_with_integer_labels(out, jnp.maximum(labels, 0))


def weighted(out: Tensor, labels: Tensor) -> Tensor:
    return F.cross_entropy(out, labels, weight=out.new_tensor(WEIGHTS))


def weighted_by(out: Array, labels: Array, by_count: bool = False) -> Array:
    counted = (labels >= 0).astype(out.dtype)
    weights = jnp.asarray(WEIGHTS, out.dtype)[jnp.maximum(labels, 0)] * counted
    return (each(out, labels) * weights).sum() / (counted if by_count else weights).sum()


def by_token(out: Array, labels: Array) -> Array:
    counted = labels >= 0
    return (each(out, labels) * counted).sum() / counted.sum()


def by_row(out: Array, labels: Array) -> Array:
    counted = labels >= 0
    return ((each(out, labels) * counted).sum(1) / counted.sum(1)).mean()


def smoothed(out: Tensor, labels: Tensor) -> Tensor:
    return F.cross_entropy(out, labels, label_smoothing=0.1)


def smoothed_by(out: Array, labels: Array, others: bool = False) -> Array:
    one = jax.nn.one_hot(labels, CLASSES, dtype=out.dtype)
    spread = one * 0.9 + 0.1 / (CLASSES - 1) * (1 - one) if others else one * 0.9 + 0.1 / CLASSES
    return optax.softmax_cross_entropy(out, spread).mean()


def both(out: Tensor, labels: Tensor) -> Tensor:
    return F.cross_entropy(out, labels, weight=out.new_tensor(WEIGHTS), label_smoothing=0.1)


def both_by(out: Array, labels: Array, others: bool = False) -> Array:
    weights, rows = jnp.asarray(WEIGHTS, out.dtype), jnp.asarray(WEIGHTS, out.dtype)[labels]
    one, logs = jax.nn.one_hot(labels, CLASSES, dtype=out.dtype), jax.nn.log_softmax(out)
    if others:
        spread = one * 0.9 + 0.1 / (CLASSES - 1) * (1 - one)
        return -((spread * logs).sum(-1) * rows).sum() / rows.sum()
    return -((one * 0.9 + 0.1 / CLASSES) * weights * logs).sum() / rows.sum()


def next_token(out: Tensor, labels: Tensor) -> Tensor:
    return F.cross_entropy(out[:, :-1].flatten(0, 1), labels[:, 1:].flatten())


def positive(out: Tensor, y: Tensor) -> Tensor:
    return F.binary_cross_entropy_with_logits(out, y, pos_weight=out.new_tensor([2.0, 0.5, 3.0]))


def binary(out: Array, y: Array, weight: Any = (2.0, 0.5, 3.0)) -> Array:
    weights = jnp.asarray(weight, out.dtype)
    return -(weights * y * jax.nn.log_sigmoid(out) + (1 - y) * jax.nn.log_sigmoid(-out)).mean()


def huber(out: Array, y: Array, delta: float = 0.5) -> Array:
    return optax.huber_loss(out, y, delta=delta).mean()


def poisson(out: Array, y: Array) -> Array:
    return (jnp.exp(out) - y * out).mean()


def hinge(out: Tensor, y: Tensor) -> Tensor:
    return F.multi_margin_loss(out, y, margin=0.7)


def hinge_by(out: Array, y: Array, power: int = 1, margin: float = 0.7) -> Array:
    own = jnp.take_along_axis(out, y[:, None], 1)
    apart = jnp.maximum(margin - own + out, 0) ** power * (1 - jax.nn.one_hot(y, CLASSES, dtype=out.dtype))
    return (apart.sum(1) / CLASSES).mean()


ROWS: list[Planted] = [
    losing("class weights by how many labels are counted (Linen)", labelled, weighted, weighted_by,
           partial(weighted_by, by_count=True), setting="weight", port="by the number of counted rows"),
    losing("a mean of every row's own mean (Linen)", spoken, lambda out, y: F.cross_entropy(out.transpose(1, 2), y),
           by_token, by_row, setting="reduction"),
    losing("smoothing over the other classes alone (Linen)", classes, smoothed, smoothed_by,
           partial(smoothed_by, others=True), setting="label_smoothing"),
    losing("smoothing over the others beside weights by rows (Linen)", classes, both, both_by,
           partial(both_by, others=True), setting="label_smoothing"),
    losing("labels that are not shifted to the next (Linen)", texts, next_token,
           lambda out, y: each(out[:, :-1], y[:, 1:]).mean(), lambda out, y: each(out[:, :-1], y[:, :-1]).mean(),
           setting="targets"),
    losing("positive weights left out (Linen)", halves, positive, binary, partial(binary, weight=(1.0, 1.0, 1.0)),
           setting="pos_weight"),
    losing("Huber's delta 1 for 0.5 (Linen)", counts, lambda out, y: F.huber_loss(out, y, delta=0.5), huber,
           partial(huber, delta=1.0), setting="delta"),
    losing("Huber's loss for the smooth L1 (Linen)", counts, lambda out, y: F.smooth_l1_loss(out, y, beta=0.5),
           lambda out, y: 2 * huber(out, y), huber, setting="loss", port="huber_loss"),
    losing("a rate taken for its logarithm (Linen)", counts,
           lambda out, y: F.poisson_nll_loss(F.softplus(out), y, log_input=False, eps=1e-3),
           lambda out, y: (jax.nn.softplus(out) - y * jnp.log(jax.nn.softplus(out) + 1e-3)).mean(),
           lambda out, y: poisson(jax.nn.softplus(out), y), setting="log_input"),
    losing("a squared hinge (Linen)", classes, hinge, hinge_by, partial(hinge_by, power=2), setting="p"),
    losing("a hinge's margin 1 for 0.7 (Linen)", classes, hinge, hinge_by, partial(hinge_by, margin=1.0),
           setting="margin"),
]  # fmt: skip
