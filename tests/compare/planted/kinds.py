"""Faults that public reports tell of, one tiny model each: what is named is what was planted, from end to end.

Of more kinds the doctor's own tests name the cause, on a scene alone (``tests/compare/explain/doctor/``).
"""

from collections.abc import Callable
from functools import partial
from typing import Any

import jax
import numpy as np
import optax
import torch
import torch.nn.functional as F
from flax import linen, nnx
from jax import Array
from jax import numpy as jnp
from torch import Tensor, nn

from compare.arrays.batch import Batch
from compare.pair.pair import Pair
from tests.compare.planted import nnx_port, paired
from tests.compare.planted.row import Planted
from tests.compare.zoo import normal, seeded
from tests.compare.zoo.between import Between, Net, NetLinen, NetNNX, X

WIDTH, CLASSES = 6, 3


def between(name: str, own: Callable[[Tensor], Tensor], right: Between, wrong: Between, **named: str) -> Planted:
    """A fault in a function of the hidden units; Linen's where the name says so, else NNX's."""

    def pair(port: Between) -> Callable[[], Pair]:
        made = (lambda: NetLinen(port)) if "(Linen)" in name else nnx_port(NetNNX, port)
        return paired(seeded(lambda: Net(own)), made, X)

    return Planted(name, pair(wrong), pair(right), **named)


def middle_of(h: Array) -> Array:
    """The lower of the two in the middle, as torch has it."""
    return h - jnp.sort(h, -1)[:, (h.shape[-1] - 1) // 2, None]


class Block(nn.Module):
    """A norm before the branch."""

    def __init__(self) -> None:
        super().__init__()
        self.enter, self.norm, self.up = nn.Linear(WIDTH, WIDTH), nn.LayerNorm(WIDTH), nn.Linear(WIDTH, WIDTH)

    def forward(self, x: Tensor) -> Tensor:
        x = self.enter(x)
        return x + torch.tanh(self.up(self.norm(x)))


class BlockLinen(linen.Module):
    behind: bool = False

    @linen.compact
    def __call__(self, x: Array) -> Array:
        x = linen.Dense(WIDTH, name="enter")(x)
        h = linen.LayerNorm(epsilon=1e-5, name="norm")(x)
        return (h if self.behind else x) + jnp.tanh(linen.Dense(WIDTH, name="up")(h))


class Placed(nn.Module):
    """Positions in a wave, as rotary ones."""

    def __init__(self) -> None:
        super().__init__()
        self.enter, self.leave = nn.Linear(WIDTH, WIDTH), nn.Linear(WIDTH, 2)

    def forward(self, x: Tensor) -> Tensor:
        places = torch.arange(x.shape[1])[:, None]
        return self.leave(self.enter(x) * torch.cos(0.7 * places.to(x.dtype) + 0.2))


class PlacedNNX(nnx.Module):
    def __init__(self, places: Callable[[int], Array], rngs: nnx.Rngs) -> None:
        self.enter, self.leave = nnx.Linear(WIDTH, WIDTH, rngs=rngs), nnx.Linear(WIDTH, 2, rngs=rngs)
        self.places = places

    def __call__(self, x: Array) -> Array:
        places = self.places(x.shape[1])[:, None].astype(x.dtype)
        return self.leave(self.enter(x) * jnp.cos(0.7 * places + 0.2))


def placed(name: str, places: Callable[[int], Array], port: str) -> Planted:
    def pair(own: Callable[[int], Array]) -> Callable[[], Pair]:
        return paired(seeded(Placed), nnx_port(PlacedNNX, own), normal(3, 5, WIDTH))

    return Planted(name, pair(places), PLACED, where="", setting="position", port=port)


def again(filled: int, n: int) -> Array:
    """Counted from 0 behind a cache."""
    own = jnp.arange(n)
    return jnp.where(own < filled, own, own - filled)


PLACED = paired(seeded(Placed), nnx_port(PlacedNNX, jnp.arange), normal(3, 5, WIDTH))


class Enlarged(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.stem, self.head = nn.Conv2d(2, 3, 1), nn.Conv2d(3, 2, 1)

    def forward(self, x: Tensor) -> Tensor:
        return self.head(F.interpolate(self.stem(x), scale_factor=1.3, mode="bilinear"))


class EnlargedLinen(linen.Module):
    """The factor that it is given, or the ratio of the sizes that come of it."""

    given: bool = True

    @linen.compact
    def __call__(self, x: Array) -> Array:
        h = linen.Conv(3, (1, 1), name="stem")(x)
        size = int(1.3 * h.shape[1])
        if self.given:
            scale, shift = jnp.full(2, 1.3, h.dtype), jnp.zeros(2, h.dtype)
            shape = (len(h), size, size, h.shape[-1])
            h = jax.image.scale_and_translate(h, shape, (1, 2), scale, shift, "linear", antialias=False)
        else:
            h = jax.image.resize(h, (len(h), size, size, h.shape[-1]), "linear")
        return linen.Conv(2, (1, 1), name="head")(h)


class Dense(nn.Module):
    def __init__(self, outputs: int) -> None:
        super().__init__()
        self.fc = nn.Linear(4, outputs)

    def forward(self, x: Tensor) -> Tensor:
        return self.fc(x)


class DenseLinen(linen.Module):
    outputs: int

    @linen.compact
    def __call__(self, x: Array) -> Array:
        return linen.Dense(self.outputs, name="fc")(x)


def losing(
    name: str, batch: Any, own: Callable[..., Any], right: Any, wrong: Any, outputs: int = CLASSES, **named: str
) -> Planted:
    """A fault of the loss, behind one layer."""

    def pair(port: Any) -> Callable[[], Pair]:
        return paired(seeded(lambda: Dense(outputs)), lambda: DenseLinen(outputs), batch, loss=(own, port))

    return Planted(name, pair(wrong), pair(right), where="loss", direction="loss", **named)


def columns(rng: np.random.Generator) -> Batch:
    x, y = (rng.standard_normal((5, width), dtype=np.float32) for width in (4, 1))
    return Batch.of(x, y)


def labelled(rng: np.random.Generator) -> Batch:
    return Batch.of(rng.standard_normal((5, 4), dtype=np.float32), rng.permutation(np.array([0, 1, 2, 1, 0])))


def ignored(rng: np.random.Generator) -> Batch:
    return Batch.of(rng.standard_normal((5, 4), dtype=np.float32), np.array([0, -100, 2, 1, -100]))


def sequences(rng: np.random.Generator) -> Batch:
    x = rng.standard_normal((3, 8, 4), dtype=np.float32)
    return Batch.of(x, (np.array([[1, 2, 1], [2, 1, 0], [1, 0, 0]]), np.array([3, 2, 1])))


WEIGHTS = [0.5, 1.5, 1.0]


def weighted(out: Tensor, labels: Tensor) -> Tensor:
    return F.cross_entropy(out, labels, weight=out.new_tensor(WEIGHTS), label_smoothing=0.1)


def weighted_by(by_row: bool, out: Array, labels: Array) -> Array:
    weights = jnp.asarray(WEIGHTS, out.dtype)
    smoothed = optax.smooth_labels(jax.nn.one_hot(labels, CLASSES, dtype=out.dtype), 0.1)
    logs, rows = jax.nn.log_softmax(out), weights[labels]
    losses = -(smoothed * logs).sum(-1) * rows if by_row else -(smoothed * weights * logs).sum(-1)
    return losses.sum() / rows.sum()


def counted(out: Array, labels: Array) -> Array:
    known = labels >= 0
    rows = optax.softmax_cross_entropy_with_integer_labels(out, jnp.where(known, labels, 0))
    return jnp.where(known, rows, 0).sum() / known.sum()


def ctc(out: Tensor, labels: Tensor, lengths: Tensor) -> Tensor:
    full = torch.full((len(out),), out.shape[1])
    return F.ctc_loss(F.log_softmax(out, -1).transpose(0, 1), labels, full, lengths)


def ctc_by(by_length: bool, out: Array, labels: Array, lengths: Array) -> Array:
    padded = (jnp.arange(labels.shape[1])[None] >= lengths[:, None]).astype(out.dtype)
    rows = optax.ctc_loss(out, jnp.zeros(out.shape[:2], out.dtype), labels, padded)
    return (rows / lengths if by_length else rows).mean()


ROWS = [
    between("median of an even count (NNX)", lambda h: h - h.median(-1, keepdim=True).values, middle_of,
            lambda h: h - jnp.median(h, -1, keepdims=True), setting="median"),
    between("epsilon outside of a root by hand (Linen)", lambda h: h * torch.rsqrt(h.pow(2).mean(-1, True) + 1e-3),
            lambda h: h / jnp.sqrt((h**2).mean(-1, keepdims=True) + 1e-3),
            lambda h: h / (jnp.sqrt((h**2).mean(-1, keepdims=True)) + 1e-3), setting="epsilon", port="outside of it"),
    between("epsilon inside of a root by hand (NNX)", lambda h: h / (h.std(-1, keepdim=True) + 1e-3),
            lambda h: h / (h.std(-1, keepdims=True, ddof=1) + 1e-3),
            lambda h: h / jnp.sqrt(h.var(-1, keepdims=True, ddof=1) + 1e-3), setting="epsilon", port="inside it"),
    Planted("residual behind its norm (Linen)", paired(seeded(Block), lambda: BlockLinen(True), X),
            paired(seeded(Block), BlockLinen, X), where="", setting="residual", port="after norm"),
    placed("position 0 for every step (NNX)", lambda n: 0 * jnp.arange(n), "0 everywhere"),
    placed("positions counted again behind a cache (NNX)", partial(again, 2), "counted from 0 again after 2"),
    Planted("the ratio of sizes for a scale factor (Linen)", paired(seeded(Enlarged), lambda: EnlargedLinen(False),
            normal(2, 2, 7, 7)), paired(seeded(Enlarged), EnlargedLinen, normal(2, 2, 7, 7)), where="",
            setting="scale_factor"),
    losing("a column against a row of targets (Linen)", columns, F.mse_loss, lambda out, y: ((out - y) ** 2).mean(),
           lambda out, y: ((out[:, 0] - y) ** 2).mean(), outputs=1, setting="broadcast"),
    losing("class weights by rows beside smoothed labels (Linen)", labelled, weighted, partial(weighted_by, False),
           partial(weighted_by, True), setting="weight", port="by row"),
    losing("an ignored label gathered (Linen)", ignored, F.cross_entropy, counted,
           lambda out, y: optax.softmax_cross_entropy_with_integer_labels(out, y).mean(), setting="ignore_index",
           port="NaN", verdict="invalid"),
    losing("CTC's rows not divided by their lengths (Linen)", sequences, ctc, partial(ctc_by, True),
           partial(ctc_by, False), outputs=4, setting="reduction"),
    losing("a row left out of the loss (Linen)", columns, F.mse_loss, lambda out, y: ((out - y) ** 2).mean(),
           lambda out, y: ((out[1:] - y[1:]) ** 2).mean(), outputs=1, setting="rows of the loss"),
    losing("targets of the row before (Linen)", columns, F.mse_loss, lambda out, y: ((out - y) ** 2).mean(),
           lambda out, y: ((out - jnp.roll(y, 1, 0)) ** 2).mean(), outputs=1, setting="targets", port="shifted by 1"),
    between("entries rolled at the end of a section (NNX)", torch.tanh, jnp.tanh,
            lambda h: jnp.roll(jnp.tanh(h), 1, -1), setting="order"),
]  # fmt: skip
