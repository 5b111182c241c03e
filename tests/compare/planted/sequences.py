"""Faults in sequences of several lengths, in graphs and in spectra: what is indexed, counted, flipped and scaled."""

from collections.abc import Callable
from functools import partial
from typing import Any

import jax
import numpy as np
import torch
from flax import linen
from jax import Array
from jax import numpy as jnp
from torch import Tensor, nn

from compare.arrays.batch import Batch
from tests.compare.planted import paired
from tests.compare.planted.row import Planted
from tests.compare.zoo import seeded

WIDTH, STEPS = 4, 5
Middle = Callable[..., Any]


class Steps(nn.Module):
    """A function of the hidden steps and of what comes beside them, between two layers."""

    def __init__(self, middle: Middle) -> None:
        super().__init__()
        self.enter, self.leave, self.middle = nn.Linear(3, WIDTH), nn.Linear(WIDTH, 2), middle

    def forward(self, x: Tensor, *beside: Tensor) -> Tensor:
        return self.leave(self.middle(self.enter(x), *beside))


class StepsLinen(linen.Module):
    middle: Middle

    @linen.compact
    def __call__(self, x: Array, *beside: Array) -> Array:
        return linen.Dense(2, name="leave")(self.middle(linen.Dense(WIDTH, name="enter")(x), *beside))


def padded(rng: np.random.Generator) -> Batch:
    return Batch.of((rng.standard_normal((4, STEPS, 3), dtype=np.float32), np.array([5, 3, 4, 2])))


def graph(rng: np.random.Generator) -> Batch:
    edges = np.array([[0, 1, 2, 3, 0, 2, 4], [1, 2, 0, 0, 2, 4, 3]])
    return Batch.of((rng.standard_normal((5, 3), dtype=np.float32), edges))


def faults(own: Middle, right: Middle, batch: Any, *wrong: tuple[str, Middle, str, str]) -> list[Planted]:
    """The faults of one function, each with its setting and the port's value."""

    def pair(middle: Middle) -> Any:
        return paired(seeded(lambda: Steps(own)), lambda: StepsLinen(middle), batch)

    sound = pair(right)
    return [
        Planted(f"{name} (Linen)", pair(middle), sound, setting=setting, port=port)
        for name, middle, setting, port in wrong
    ]


def averaged(h: Tensor, lengths: Tensor) -> Tensor:
    kept = (torch.arange(STEPS)[None] < lengths[:, None])[..., None].to(h.dtype)
    return (h * kept).sum(1) / kept.sum(1)


def averaged_by(h: Array, lengths: Array, count: str = "kept") -> Array:
    kept = (jnp.arange(STEPS)[None] < lengths[:, None])[..., None].astype(h.dtype)
    return (h * kept).sum(1) / (kept.sum(1) if count == "kept" else STEPS)


def reversed_by_length(h: Tensor, lengths: Tensor) -> Tensor:
    places = torch.arange(STEPS)[None]
    index = torch.where(places < lengths[:, None], lengths[:, None] - 1 - places, places)
    return torch.tanh(h + h.gather(1, index[..., None].expand_as(h)))


def turned(h: Array, lengths: Array, whole: bool = False) -> Array:
    places = jnp.arange(STEPS)[None]
    index = jnp.where(places < lengths[:, None], lengths[:, None] - 1 - places, places)
    index = jnp.broadcast_to(STEPS - 1 - places, index.shape) if whole else index
    return jnp.tanh(h + jnp.take_along_axis(h, index[..., None], 1))


def last_step(h: Tensor, lengths: Tensor) -> Tensor:
    return torch.tanh(h)[torch.arange(len(h)), lengths - 1]


def edge_softmax(h: Tensor, edges: Tensor) -> Tensor:
    source, target = edges
    scores = torch.exp((h[source] * torch.tanh(h[target])).sum(-1))
    totals = torch.zeros(len(h), dtype=h.dtype).index_add(0, target, scores)
    weights = scores / totals[target]
    return torch.zeros_like(h).index_add(0, target, weights[:, None] * h[source])


def edge_softmax_over(h: Array, edges: Array, over: int = 1, into: int = 1) -> Array:
    source, target = edges
    scores = jnp.exp((h[source] * jnp.tanh(h[target])).sum(-1))
    totals = jax.ops.segment_sum(scores, edges[over], len(h))
    weights = scores / totals[edges[over]]
    return jax.ops.segment_sum(weights[:, None] * h[source], edges[into], len(h))


SIZE, HOP = 8, 2


def spectrum(h: Tensor) -> Tensor:
    window = torch.hann_window(SIZE, dtype=h.dtype)
    made = torch.stft(h.transpose(1, 2).flatten(0, 1), SIZE, HOP, window=window, center=False, return_complex=True)
    return made.abs().square().unflatten(0, (len(h), WIDTH)).mean(2).transpose(1, 2)


def framed(h: Array, scale: float = 1.0, periodic: bool = True) -> Array:
    places = jnp.arange(0, h.shape[1] - SIZE + 1, HOP)[:, None] + jnp.arange(SIZE)
    angle = 2 * jnp.pi * jnp.arange(SIZE, dtype=h.dtype) / (SIZE if periodic else SIZE - 1)
    window = 0.5 - 0.5 * jnp.cos(angle)
    made = jnp.fft.rfft(h.transpose(0, 2, 1)[..., places] * window) * scale
    return (made.real**2 + made.imag**2).mean(-1).transpose(0, 2, 1)


def waves(rng: np.random.Generator) -> np.ndarray:
    return rng.standard_normal((2, 16, 3), dtype=np.float32)


ROWS = [
    *faults(
        averaged, averaged_by, padded,
        ("a mean over padded steps too", partial(averaged_by, count="all"), "count", "all entries"),
    ),
    *faults(
        reversed_by_length, turned, padded,
        ("flipped whole and not by lengths", partial(turned, whole=True), "index", "backwards along the whole axis"),
    ),
    *faults(
        last_step, lambda h, lengths: jnp.tanh(h)[jnp.arange(len(h)), lengths - 1], padded,
        ("the last step whatever the length", lambda h, lengths: jnp.tanh(h)[:, -1], "index", "the last for all"),
        ("the step after the last", lambda h, lengths: jnp.tanh(h)[jnp.arange(len(h)), lengths % h.shape[1]], "index",
         "one further"),
    ),
    *faults(
        edge_softmax, edge_softmax_over, graph,
        ("softmax over the edges that leave", partial(edge_softmax_over, over=0), "index", ""),
        ("messages sent back", partial(edge_softmax_over, into=0), "index", ""),
    ),
    *faults(
        spectrum, framed, waves,
        ("a spectrum divided by its window's sum", partial(framed, scale=2 / SIZE), "scale", "1 / sum of the window"),
        ("a spectrum through a symmetric window", partial(framed, periodic=False), "periodic", "False"),
    ),
]  # fmt: skip
