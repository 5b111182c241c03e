"""Faults planted in what trains a model: losses, optimizers and the statistics of batch norm.

Not on the first step, measured: Adam's second beta and a momentum (both show in the second update). No fault: a weight
decay multiplied before the update or added to it, which is the same in exact arithmetic.
"""

from collections.abc import Callable
from functools import cache, partial
from typing import Any

import jax
import numpy as np
import optax
import torch
import torch.nn.functional as F
from flax import linen, nnx
from jax import Array
from jax import numpy as jnp
from torch import nn

from compare.arrays.batch import Batch
from compare.pair.pair import Pair
from tests.compare.planted import nnx_port, paired
from tests.compare.planted.row import Planted
from tests.compare.small import LinenDense, TorchDense
from tests.compare.zoo import normal, norms, seeded

ROWS_OF, FEATURES, CLASSES = 4, 4, 3


class DenseNNX(nnx.Module):
    """The third of ``tests.compare.small``'s dense models."""

    def __init__(self, rngs: nnx.Rngs) -> None:
        self.fc = nnx.Linear(FEATURES, 5, rngs=rngs)
        self.head = nnx.Linear(5, CLASSES, rngs=rngs)

    def __call__(self, x: Array) -> Array:
        return self.head(jnp.tanh(self.fc(x)))


PORTS: dict[str, Callable[[], Any]] = {"linen": LinenDense, "nnx": nnx_port(DenseNNX)}


def labelled(rng: np.random.Generator) -> Batch:
    x = rng.standard_normal((ROWS_OF, FEATURES), dtype=np.float32)
    return Batch.of(x, rng.integers(0, CLASSES, ROWS_OF))


def partly_labelled(rng: np.random.Generator) -> Batch:
    x = rng.standard_normal((ROWS_OF, FEATURES), dtype=np.float32)
    return Batch.of(x, np.array([0, -100, 2, 1]))


def valued(rng: np.random.Generator) -> Batch:
    x, y = (rng.standard_normal((ROWS_OF, width), dtype=np.float32) for width in (FEATURES, CLASSES))
    return Batch.of(x, 2 * y)


def distributed(rng: np.random.Generator) -> Batch:
    x = rng.standard_normal((ROWS_OF, FEATURES), dtype=np.float32)
    return Batch.of(x, rng.dirichlet(np.ones(CLASSES), ROWS_OF).astype(np.float32))


# Losses.

Loss = Callable[..., Array]
WEIGHTS = (0.5, 2.0, 1.0)


def each(logits: Array, labels: Array) -> Array:
    return optax.softmax_cross_entropy_with_integer_labels(logits, labels)


def smoothed(logits: Array, labels: Array) -> Array:
    targets = optax.smooth_labels(jax.nn.one_hot(labels, CLASSES, dtype=logits.dtype), 0.1)
    return optax.softmax_cross_entropy(logits, targets).mean()


def torch_weighted(logits: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
    return F.cross_entropy(logits, labels, torch.tensor(WEIGHTS, dtype=logits.dtype, device=logits.device))


def weighted(logits: Array, labels: Array, by_weight: bool = True) -> Array:
    weights = jnp.array(WEIGHTS, logits.dtype)[labels]
    return (weights * each(logits, labels)).sum() / (weights.sum() if by_weight else labels.size)


def ignoring(logits: Array, labels: Array, count_all: bool = False) -> Array:
    valid = labels != -100
    losses = jnp.where(valid, each(logits, jnp.where(valid, labels, 0)), 0)
    return losses.sum() / (labels.size if count_all else valid.sum())


def torch_kl(logits: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
    return F.kl_div(F.log_softmax(logits, dim=-1), targets, reduction="batchmean")


def kl(logits: Array, targets: Array, reduction: Callable[[Array], Array] = lambda t: t.sum(-1).mean()) -> Array:
    return reduction(targets * (jnp.log(targets) - jax.nn.log_softmax(logits)))


@cache
def losing(port: str, batch: Any, reference: Callable[..., Any], loss: Loss) -> Callable[[], Pair]:
    return paired(seeded(TorchDense), PORTS[port], batch, loss=(reference, loss))


def loss_row(
    name: str, port: str, setting: str, batch: Any, reference: Callable[..., Any], faulty: Loss, sound: Loss
) -> Planted:
    """A fault of the loss; everything before it is right."""
    return Planted(
        f"{name} ({'NNX' if port == 'nnx' else 'Linen'})",
        losing(port, batch, reference, faulty),
        losing(port, batch, reference, sound),
        where="loss",
        direction="loss",
        setting=setting,
    )


def torch_smoothed(logits: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
    return F.cross_entropy(logits, labels, label_smoothing=0.1)


def mean_of(z: Array, y: Array) -> Array:
    return each(z, y).mean()


LOSSES = [
    loss_row("sum for mean", "linen", "reduction", labelled, F.cross_entropy, lambda z, y: each(z, y).sum(), mean_of),
    loss_row(
        "softmax before cross-entropy",
        "nnx",
        "softmax",
        labelled,
        F.cross_entropy,
        lambda z, y: mean_of(jax.nn.softmax(z), y),
        mean_of,
    ),
    loss_row("label smoothing forgotten", "linen", "label_smoothing", labelled, torch_smoothed, mean_of, smoothed),
    loss_row(
        "ignored labels counted in the mean",
        "nnx",
        "ignore_index",
        partly_labelled,
        F.cross_entropy,
        partial(ignoring, count_all=True),
        ignoring,
    ),
    loss_row(
        "class weights over the number of rows",
        "linen",
        "weight",
        labelled,
        torch_weighted,
        partial(weighted, by_weight=False),
        weighted,
    ),
    loss_row(
        "half of the squared error",
        "nnx",
        "scale",
        valued,
        F.mse_loss,
        lambda z, y: optax.l2_loss(z, y).mean(),
        lambda z, y: optax.squared_error(z, y).mean(),
    ),
    loss_row(
        "divergence over every entry, not every row",
        "nnx",
        "reduction",
        distributed,
        torch_kl,
        partial(kl, reduction=jnp.mean),
        kl,
    ),
]

# Optimizers.

Made = Callable[..., Any]


class HalvedEachStep(torch.optim.SGD):
    """An optimizer and its schedule in one, as a training loop steps both."""

    def step(self, closure: Any = None) -> Any:
        loss = super().step(closure)
        for group in self.param_groups:
            group["lr"] *= 0.5
        return loss


def halved(first: float) -> optax.GradientTransformation:
    """SGD whose learning rate is ``first`` and half of what it was in each later step."""
    return optax.sgd(lambda count: first * 0.5**count)


def dampened(momentum: float, dampening: float) -> optax.GradientTransformation:
    """torch's buffer: the first gradient as it is, then ``1 - dampening`` of each."""

    def update(gradients: Any, state: Any, params: Any = None) -> tuple[Any, Any]:
        count, buffer = state
        share = jnp.where(count == 0, 1.0, 1 - dampening)
        buffer = jax.tree.map(lambda b, g: momentum * b + share.astype(g.dtype) * g, buffer, gradients)
        return buffer, (count + 1, buffer)

    return optax.GradientTransformation(lambda p: (jnp.zeros((), int), jax.tree.map(jnp.zeros_like, p)), update)


def decays_weights_only(parameters: Any) -> torch.optim.Optimizer:
    parameters = list(parameters)
    biases = {"params": [p for p in parameters if p.ndim < 2], "weight_decay": 0.0}
    return torch.optim.AdamW([{"params": [p for p in parameters if p.ndim > 1]}, biases], 1e-2, weight_decay=0.1)


def weights_only(parameters: Any) -> Any:
    return jax.tree.map(lambda p: p.ndim > 1, parameters)


def optimizing(port: str, reference: Made, optimizer: optax.GradientTransformation) -> Callable[[], Pair]:
    loss = (F.cross_entropy, mean_of)
    return paired(seeded(TorchDense), PORTS[port], labelled, loss=loss, optimizers=(reference, optimizer))


def optimizer_rows(
    port: str, reference: Made, sound: optax.GradientTransformation, *faults: tuple[str, str, Any]
) -> list[Planted]:
    """Faults (name, setting, optimizer) against one reference, whose sound port is ``sound``."""
    right = optimizing(port, reference, sound)
    shown = "NNX" if port == "nnx" else "Linen"
    return [
        Planted(
            f"{name} ({shown})",
            optimizing(port, reference, faulty),
            right,
            where="optimizer",
            direction="update",
            setting=setting,
        )
        for name, setting, faulty in faults
    ]


OPTIMIZERS = [
    *optimizer_rows(
        "linen",
        lambda p: torch.optim.AdamW(p, 1e-2, weight_decay=1e-2),
        optax.adamw(1e-2, weight_decay=1e-2),
        ("AdamW's weight decay 1e-4 for 1e-2", "weight_decay", optax.adamw(1e-2)),
        ("AdamW's second beta 0.99 for 0.999", "beta2", optax.adamw(1e-2, b2=0.99, weight_decay=1e-2)),
        ("AdamW's eps below the root", "epsilon", optax.adamw(1e-2, eps=0.0, eps_root=1e-8, weight_decay=1e-2)),
    ),
    *optimizer_rows(
        "nnx",
        lambda p: torch.optim.Adam(p, 1e-2, weight_decay=0.1),
        optax.chain(optax.add_decayed_weights(0.1), optax.adam(1e-2)),
        ("decoupled weight decay for Adam's own", "weight_decay", optax.adamw(1e-2, weight_decay=0.1)),
    ),
    *optimizer_rows(
        "linen",
        lambda p: torch.optim.SGD(p, 0.1, momentum=0.9),
        optax.sgd(0.1, 0.9),
        ("momentum in Nesterov's form", "nesterov", optax.sgd(0.1, 0.9, nesterov=True)),
        ("momentum 0.99 for 0.9", "momentum", optax.sgd(0.1, 0.99)),
    ),
    *optimizer_rows(
        "nnx",
        lambda p: torch.optim.SGD(p, 0.1, momentum=0.9, dampening=0.5),
        optax.chain(dampened(0.9, 0.5), optax.scale(-0.1)),
        ("dampening forgotten", "momentum", optax.sgd(0.1, 0.9)),
    ),
    *optimizer_rows(
        "linen",
        lambda p: HalvedEachStep(p, 0.1),
        halved(0.1),
        ("learning rate one step ahead of its schedule", "learning rate", halved(0.05)),
    ),
    *optimizer_rows(
        "nnx",
        decays_weights_only,
        optax.adamw(1e-2, weight_decay=0.1, mask=weights_only),
        ("weight decay on biases too", "weight_decay", optax.adamw(1e-2, weight_decay=0.1)),
    ),
]

# Statistics: a batch norm between two layers.


class NormedLinen(linen.Module):
    """``frozen``: uses the running statistics in training too, as ``linen.BatchNorm(11)`` does by its position."""

    momentum: float = 0.9
    epsilon: float = 1e-5
    frozen: bool = False

    @linen.compact
    def __call__(self, x: Array, train: bool) -> Array:
        x = linen.Dense(11, name="hidden")(x)
        norm = partial(linen.BatchNorm, momentum=self.momentum, epsilon=self.epsilon, name="norm")
        return linen.Dense(5, name="out")(jnp.tanh(norm(use_running_average=self.frozen or not train)(x)))


class NormedNNX(nnx.Module):
    def __init__(self, rngs: nnx.Rngs) -> None:
        self.hidden = nnx.Linear(9, 11, rngs=rngs)
        self.norm = nnx.BatchNorm(11, momentum=0.9, rngs=rngs)
        self.out = nnx.Linear(11, 5, rngs=rngs)

    def __call__(self, x: Array) -> Array:
        return self.out(jnp.tanh(self.norm(self.hidden(x))))


class Square(nn.Module):
    """As many channels as rows of pixels, so that a norm over the wrong axis has the right shape."""

    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(2, 4, 3, padding=1)
        self.norm = nn.BatchNorm2d(4)
        self.head = nn.Linear(4, 3)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.head(torch.tanh(self.norm(self.conv(x))).mean((2, 3)))


class SquareLinen(linen.Module):
    axis: int = -1

    @linen.compact
    def __call__(self, x: Array, train: bool) -> Array:
        x = linen.Conv(4, (3, 3), name="conv")(x)
        norm = linen.BatchNorm(not train, axis=self.axis, momentum=0.9, name="norm")
        return linen.Dense(3, name="head")(jnp.tanh(norm(x)).mean((1, 2)))


BIASED = {"accept": ("running_variance",)}
ROWS_OF_9 = normal(6, 9)


def normed_linen(**fault: Any) -> Callable[[], Pair]:
    return paired(seeded(norms.UnbiasedDense), lambda: NormedLinen(**fault), ROWS_OF_9, **BIASED)


def normed_nnx(**fault: Any) -> Callable[[], Pair]:
    settings = {f"norm__{name}": value for name, value in fault.items()}
    return paired(seeded(norms.UnbiasedDense), nnx_port(NormedNNX, **settings), ROWS_OF_9, **BIASED)


def square(axis: int = -1) -> Callable[[], Pair]:
    return paired(seeded(Square), lambda: SquareLinen(axis), normal(3, 2, 4, 6), **BIASED)


NORMED_LINEN, NORMED_NNX = normed_linen(), normed_nnx()

STATISTICS = [
    Planted(
        "BatchNorm momentum 0.99 for 0.9 (NNX)",
        normed_nnx(momentum=0.99),
        NORMED_NNX,
        where="net.1",
        direction="statistics",
        setting="momentum",
    ),
    Planted(
        "torch's own number for BatchNorm's momentum (Linen)",
        normed_linen(momentum=0.1),
        NORMED_LINEN,
        where="net.1",
        direction="statistics",
        setting="momentum",
    ),
    Planted(
        "running variance of the batch, not the unbiased one (Linen)",
        paired(seeded(norms.UnbiasedDense), NormedLinen, ROWS_OF_9),
        paired(seeded(norms.UnbiasedDense), norms.UnbiasedDenseLinen, ROWS_OF_9),
        where="net.1",
        direction="statistics",
        setting="running variance",
    ),
    Planted(
        "running statistics used in training (Linen)",
        normed_linen(frozen=True),
        NORMED_LINEN,
        where="net.1",
        setting="use_running_average",
    ),
    Planted("BatchNorm over the rows of pixels (Linen)", square(axis=1), square(), where="norm"),
]

ROWS = [*LOSSES, *OPTIMIZERS, *STATISTICS]
