"""Faults planted in recurrent models and in what surrounds them: embeddings, positions, tied heads.

No faults: torch's two biases summed into one, and each gate an array of its own (the weight map sums and slices).
Refused before anything runs, measured: ``nnx.GRUCell``, which holds no recurrent bias at all, and a tied head that is a
second array.
"""

from collections.abc import Callable
from functools import partial
from typing import Any

import jax
import numpy as np
import torch
from flax import linen, nnx
from jax import Array, lax
from jax import numpy as jnp
from torch import Tensor, nn

from compare.pair.pair import Pair
from tests.compare.planted import nnx_port, paired
from tests.compare.planted.row import Planted
from tests.compare.zoo import sequences
from tests.compare.zoo.sequences import (
    CLASSES,
    CONTEXT,
    FEATURES,
    HIDDEN,
    IDS,
    VOCABULARY,
    WIDTH,
    BiLSTM,
    EmbedHead,
    GRUTagger,
    LSTMClassifier,
    SineEmbedding,
    TiedHead,
    features,
    ids,
    lstm_classifier_params,
    seeded,
)

Function = Callable[[Any, Array], Array]


def lstm_by_hand(
    order: str = "ifgo", forget: float = 0.0, start: float = 0.0, carried: Callable[[Array], Array] = lambda h: h
) -> Function:
    """An LSTM as one writes it: the ``order`` of the gates, what is added to the forget gate, the first state, and
    what becomes of the state between two steps."""

    def apply(params: Any, x: Array) -> Array:
        def step(carry: tuple[Array, Array], x_t: Array) -> tuple[tuple[Array, Array], None]:
            h, c = (carried(state) for state in carry)
            lstm = params["lstm"]
            rows = x_t @ lstm["w_ih"].T + lstm["b_ih"] + h @ lstm["w_hh"].T + lstm["b_hh"]
            gates = dict(zip(order, jnp.split(rows, 4, axis=-1), strict=True))
            i, f, o = (jax.nn.sigmoid(gates[name] + forget * (name == "f")) for name in "ifo")
            c = f * c + i * jnp.tanh(gates["g"])
            return (o * jnp.tanh(c), c), None

        first = jnp.full((x.shape[0], HIDDEN), start, x.dtype)
        (h, _), _ = lax.scan(step, (first, first), x.swapaxes(0, 1))
        return h @ params["out"]["w"] + params["out"]["b"]

    return apply


def lstm(**fault: Any) -> Callable[[], Pair]:
    return paired(seeded(LSTMClassifier), lambda: (lstm_by_hand(**fault), lstm_classifier_params()), features)


class LSTMLinen(linen.Module):
    cell: Callable[..., linen.RNNCellBase] = linen.OptimizedLSTMCell
    step: int = -1

    @linen.compact
    def __call__(self, x: Array) -> Array:
        steps: Any = linen.RNN(self.cell(HIDDEN, name="lstm"))(x)
        return linen.Dense(CLASSES, name="out")(steps[:, self.step])


def lstm_linen(**fault: Any) -> Callable[[], Pair]:
    return paired(seeded(LSTMClassifier), lambda: LSTMLinen(**fault), features)


class GRULayer(nnx.Module):
    """By hand, with every bias that torch has."""

    def __init__(self, rngs: nnx.Rngs) -> None:
        self.x2h = nnx.Linear(FEATURES, 3 * HIDDEN, rngs=rngs)
        self.h2h = nnx.Linear(HIDDEN, 3 * HIDDEN, rngs=rngs)

    def candidate(self, x_n: Array, r: Array, h: Array, h_n: Array) -> Array:
        return jnp.tanh(x_n + r * h_n)

    def mixed(self, z: Array, n: Array, h: Array) -> Array:
        return (1 - z) * n + z * h

    def __call__(self, x: Array) -> Array:
        def step(h: Array, x_t: Array) -> tuple[Array, Array]:
            x_r, x_z, x_n = jnp.split(x_t, 3, axis=-1)
            h_r, h_z, h_n = jnp.split(self.h2h(h), 3, axis=-1)
            n = self.candidate(x_n, nnx.sigmoid(x_r + h_r), h, h_n)
            h = self.mixed(nnx.sigmoid(x_z + h_z), n, h)
            return h, h

        start = jnp.zeros((x.shape[0], HIDDEN), x.dtype)
        return lax.scan(step, start, self.x2h(x).swapaxes(0, 1))[1].swapaxes(0, 1)


class ResetFirst(GRULayer):
    """The reset gate before the product, as in the paper's first version and in Keras."""

    def candidate(self, x_n: Array, r: Array, h: Array, h_n: Array) -> Array:
        kernel, bias = self.h2h.kernel[:, 2 * HIDDEN :], self.h2h.bias[2 * HIDDEN :]
        return jnp.tanh(x_n + (r * h) @ kernel + bias)


class UpdateSwapped(GRULayer):
    def mixed(self, z: Array, n: Array, h: Array) -> Array:
        return z * n + (1 - z) * h


class BiasOutside(GRULayer):
    """The candidate's recurrent bias outside the reset gate's product, as where the two biases were summed."""

    def candidate(self, x_n: Array, r: Array, h: Array, h_n: Array) -> Array:
        bias = self.h2h.bias[2 * HIDDEN :]
        return jnp.tanh(x_n + r * (h_n - bias) + bias)


class GRUNNX(nnx.Module):
    def __init__(self, layer: Callable[..., GRULayer], rngs: nnx.Rngs) -> None:
        self.gru = layer(rngs)
        self.out = nnx.Linear(HIDDEN, CLASSES, rngs=rngs)

    def __call__(self, x: Array) -> Array:
        return self.out(self.gru(x))


def gru(layer: Callable[..., GRULayer]) -> Callable[[], Pair]:
    return paired(seeded(partial(GRUTagger, 1)), nnx_port(GRUNNX, layer), features)


class BiLSTMLinen(linen.Module):
    """Two of them beside each other; ``keep_order`` turns the backward one's steps round again."""

    keep_order: bool = True

    @linen.compact
    def __call__(self, x: Array) -> Array:
        ahead = linen.RNN(linen.OptimizedLSTMCell(HIDDEN, name="forward_cell"))
        back = linen.RNN(
            linen.OptimizedLSTMCell(HIDDEN, name="backward_cell"), reverse=True, keep_order=self.keep_order
        )
        both: Any = jnp.concatenate([ahead(x), back(x)], axis=-1)
        return linen.Dense(CLASSES, name="tag")(both)


class TimeFirstNNX(sequences.NNXLSTMClassifier):
    """Takes the rows for the steps."""

    def __call__(self, x: Array) -> Array:
        return self.out(self.lstm(x, time_major=True)[:, -1])


# Embeddings and positions.


class EmbedHeadLinen(linen.Module):
    first: int = 0

    @linen.compact
    def __call__(self, ids: Array) -> Array:
        x = linen.Embed(VOCABULARY, WIDTH, name="wte")(ids)
        x = x + linen.Embed(CONTEXT, WIDTH, name="wpe")(self.first + jnp.arange(ids.shape[1]))
        return linen.Dense(CLASSES, name="head")(linen.LayerNorm(epsilon=1e-5, name="ln_f")(x))


class SineLinen(linen.Module):
    scale: float = WIDTH**0.5

    @linen.compact
    def __call__(self, ids: Array) -> Array:
        x = linen.Embed(VOCABULARY, WIDTH)(ids) * self.scale
        return linen.Dense(CLASSES)(x + sequences.sines()[: ids.shape[1]])


class Positions(nn.Module):
    """Adds sines of the steps, computed at the precision of what comes in."""

    def forward(self, x: Tensor) -> Tensor:
        rates = 10000.0 ** (-torch.arange(0, WIDTH, 2, dtype=x.dtype) / WIDTH)
        angles = torch.arange(x.shape[1], dtype=x.dtype)[:, None] * rates
        return x + torch.stack([angles.sin(), angles.cos()], dim=-1).flatten(1)


class Positioned(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.enter = nn.Linear(FEATURES, WIDTH)
        self.positions = Positions()
        self.leave = nn.Linear(WIDTH, CLASSES)

    def forward(self, x: Tensor) -> Tensor:
        return self.leave(self.positions(self.enter(x)))


def exact_table(x: Array) -> Array:
    rates = 10000.0 ** (-jnp.arange(0, WIDTH, 2, dtype=x.dtype) / WIDTH)
    angles = jnp.arange(x.shape[1], dtype=x.dtype)[:, None] * rates
    return jnp.stack([jnp.sin(angles), jnp.cos(angles)], axis=-1).reshape(x.shape[1:])


def float32_table(x: Array) -> Array:
    return jnp.asarray(sequences.sines()[: x.shape[1]])


class PositionedLinen(linen.Module):
    table: Callable[[Array], Array] = exact_table

    @linen.compact
    def __call__(self, x: Array) -> Array:
        x = linen.Dense(WIDTH, name="enter")(x)
        return linen.Dense(CLASSES, name="leave")(x + self.table(x))


class PaddedTagger(nn.Module):
    """Id 0 is padding, whose row is not trained."""

    def __init__(self) -> None:
        super().__init__()
        self.embed = nn.Embedding(VOCABULARY, WIDTH, padding_idx=0)
        self.out = nn.Linear(WIDTH, CLASSES)

    def forward(self, ids: Tensor) -> Tensor:
        return self.out(torch.tanh(self.embed(ids)))


class PaddedTaggerNNX(nnx.Module):
    frozen = True

    def __init__(self, rngs: nnx.Rngs) -> None:
        self.embed = nnx.Embed(VOCABULARY, WIDTH, rngs=rngs)
        self.out = nnx.Linear(WIDTH, CLASSES, rngs=rngs)

    def __call__(self, ids: Array) -> Array:
        x = self.embed(ids)
        x = jnp.where((ids == 0)[..., None], lax.stop_gradient(x), x) if self.frozen else x
        return self.out(jnp.tanh(x))


class TrainedPaddingNNX(PaddedTaggerNNX):
    frozen = False


def with_padding(rng: np.random.Generator) -> np.ndarray:
    made = ids(rng)
    made[:, -2:] = 0
    return made


class FrozenHeadNNX(sequences.NNXTiedHead):
    def __call__(self, ids: Array) -> Array:
        x = self.embed(ids)
        return (x + jnp.tanh(self.fc(x))) @ lax.stop_gradient(self.embed.embedding[...]).T


class SquareTied(nn.Module):
    """As many ids as features, so that a head without its transpose fits too."""

    def __init__(self) -> None:
        super().__init__()
        self.embed = nn.Embedding(WIDTH, WIDTH)
        self.fc = nn.Linear(WIDTH, WIDTH)
        self.lm_head = nn.Linear(WIDTH, WIDTH, bias=False)
        self.lm_head.weight = self.embed.weight

    def forward(self, ids: Tensor) -> Tensor:
        return self.lm_head(torch.tanh(self.fc(self.embed(ids))))


class SquareTiedLinen(linen.Module):
    transposed: bool = True

    @linen.compact
    def __call__(self, ids: Array) -> Array:
        embed = linen.Embed(WIDTH, WIDTH, name="embed")
        x = jnp.tanh(linen.Dense(WIDTH, name="fc")(embed(ids)))
        return embed.attend(x) if self.transposed else x @ embed.embedding


def few_ids(rng: np.random.Generator) -> np.ndarray:
    return rng.integers(0, WIDTH, (2, 5)).astype(np.int32)


LSTM = lstm()
LSTM_LINEN = lstm_linen()
LSTM_NNX = paired(seeded(LSTMClassifier), nnx_port(sequences.NNXLSTMClassifier), features)
GRU = gru(GRULayer)
BILSTM = paired(seeded(BiLSTM), BiLSTMLinen, features)
EMBED_LINEN = paired(seeded(EmbedHead), EmbedHeadLinen, ids, **IDS)
SINES = paired(seeded(SineEmbedding), SineLinen, ids, **IDS)
POSITIONED = paired(seeded(Positioned), PositionedLinen, features)
PADDED = paired(seeded(PaddedTagger), nnx_port(PaddedTaggerNNX), with_padding)
TIED_NNX = paired(seeded(TiedHead), nnx_port(sequences.NNXTiedHead), ids, **IDS)
SQUARE_TIED = paired(seeded(SquareTied), SquareTiedLinen, few_ids)

ROWS = [
    Planted("LSTM gates i, g, f, o (function)", lstm(order="igfo"), LSTM, where="lstm", setting="gate order"),
    Planted(
        "1 added to the LSTM's forget gate (function)", lstm(forget=1.0), LSTM, where="lstm", setting="forget bias"
    ),
    Planted("LSTM's first state not zero (function)", lstm(start=0.1), LSTM, where="lstm", setting="initial state"),
    Planted(
        "LSTM's state stopped between steps (function)",
        lstm(carried=lax.stop_gradient),
        LSTM,
        where="lstm",
        direction="backward",
        setting="stop_gradient",
    ),
    Planted(
        "hard sigmoid in an LSTM's gates (Linen)",
        lstm_linen(cell=partial(linen.OptimizedLSTMCell, gate_fn=linen.hard_sigmoid)),
        LSTM_LINEN,
        where="lstm",
        setting="activation",
    ),
    Planted("the first step for the last (Linen)", lstm_linen(step=0), LSTM_LINEN, where="", setting="index"),
    Planted(
        "LSTM's first state of ones (Linen)",
        lstm_linen(cell=partial(linen.OptimizedLSTMCell, carry_init=linen.initializers.ones)),
        LSTM_LINEN,
        where="lstm",
        setting="initial state",
    ),
    Planted(
        "backward LSTM left in reverse (Linen)",
        paired(seeded(BiLSTM), lambda: BiLSTMLinen(keep_order=False), features),
        BILSTM,
        where="lstm",
        setting="keep_order",
    ),
    Planted(
        "LSTM over the rows in place of the steps (NNX)",
        paired(seeded(LSTMClassifier), nnx_port(TimeFirstNNX), features),
        LSTM_NNX,
        where="lstm",
        setting="batch_first",
    ),
    Planted("GRU's reset gate before the product (NNX)", gru(ResetFirst), GRU, where="gru", setting="reset gate"),
    Planted("GRU's update gate the other way round (NNX)", gru(UpdateSwapped), GRU, where="gru", setting="update gate"),
    Planted(
        "GRU's recurrent bias outside the reset gate (NNX)",
        gru(BiasOutside),
        GRU,
        where="gru",
        setting="b_hn",
    ),
    Planted(
        "positions from 1 (Linen)",
        paired(seeded(EmbedHead), lambda: EmbedHeadLinen(first=1), ids, **IDS),
        EMBED_LINEN,
        where="pos_emb",  # what enters it are integers, of which nothing is seen
        setting="index",
    ),
    Planted(
        "embedding not scaled by the root of its width (Linen)",
        paired(seeded(SineEmbedding), lambda: SineLinen(1.0), ids, **IDS),
        SINES,
        where="",
        setting="scale",
    ),
    Planted(
        "table of positions held in float32 (Linen)",
        paired(seeded(Positioned), lambda: PositionedLinen(float32_table), features),
        POSITIONED,
        verdict="float32_only",
        where="positions",
        setting="dtype",
    ),
    Planted(
        "padding's row trained (NNX)",
        paired(seeded(PaddedTagger), nnx_port(TrainedPaddingNNX), with_padding),
        PADDED,
        where="embed",
        direction="backward",
        setting="padding_idx",
    ),
    Planted(
        "tied head stopped in the gradient (NNX)",
        paired(seeded(TiedHead), nnx_port(FrozenHeadNNX), ids, **IDS),
        TIED_NNX,
        where="lm_head",
        direction="backward",
        setting="stop_gradient",
    ),
    Planted(
        "tied head not transposed (Linen)",
        paired(seeded(SquareTied), lambda: SquareTiedLinen(transposed=False), few_ids),
        SQUARE_TIED,
        where="lm_head",
        setting="transposed",
    ),
]
