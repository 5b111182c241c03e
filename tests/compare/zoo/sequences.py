"""Sound ports of sequence models: embeddings, tied heads, LSTM, GRU and plain recurrent layers.

Sizes differ from one another wherever they can, so that no wrong layout has the right shape. Flax sums torch's two
recurrent biases into one, except in a GRU's candidate, where ``hn`` keeps its own.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import flax.struct
import jax
import numpy as np
import torch
import torch.nn.functional as F
from flax import linen, nnx
from jax import Array
from jax import numpy as jnp
from torch import Tensor, nn
from torch.nn.utils.rnn import pack_padded_sequence

from tests.compare.zoo.row import Sound

VOCABULARY, CONTEXT, WIDTH, CLASSES = 11, 9, 8, 5
FEATURES, HIDDEN, DIRECTIONS = 4, 6, 2
BATCH, STEPS = 3, 7
Params = dict[str, Any]


def seeded(build: Callable[[], nn.Module]) -> Callable[[], nn.Module]:
    """The reference, with the same initial weights each time."""

    def reference() -> nn.Module:
        torch.manual_seed(0)
        return build()

    return reference


def ids(rng: np.random.Generator) -> np.ndarray:
    return rng.integers(0, VOCABULARY, (BATCH, STEPS)).astype(np.int32)


def features(rng: np.random.Generator) -> np.ndarray:
    return rng.standard_normal((BATCH, STEPS, FEATURES)).astype(np.float32)


# Token and position embeddings, and a head of its own.


class EmbedHead(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.tok_emb = nn.Embedding(VOCABULARY, WIDTH)
        self.pos_emb = nn.Embedding(CONTEXT, WIDTH)
        self.norm = nn.LayerNorm(WIDTH)
        self.head = nn.Linear(WIDTH, CLASSES)

    def forward(self, ids: Tensor) -> Tensor:
        positions = torch.arange(ids.shape[1], device=ids.device)
        return self.head(self.norm(self.tok_emb(ids) + self.pos_emb(positions)))


class LinenEmbedHead(linen.Module):
    @linen.compact
    def __call__(self, ids: Array) -> Array:
        x = linen.Embed(VOCABULARY, WIDTH, name="wte")(ids)
        x = x + linen.Embed(CONTEXT, WIDTH, name="wpe")(jnp.arange(ids.shape[1]))
        x = linen.LayerNorm(epsilon=1e-5, name="ln_f")(x)
        return linen.Dense(CLASSES, name="head")(x)


class NNXEmbedHead(nnx.Module):
    def __init__(self, rngs: nnx.Rngs) -> None:
        self.token = nnx.Embed(VOCABULARY, WIDTH, rngs=rngs)
        self.position = nnx.Param(0.02 * jax.random.normal(rngs.params(), (CONTEXT, WIDTH)))
        self.norm = nnx.LayerNorm(WIDTH, epsilon=1e-5, rngs=rngs)
        self.classify = nnx.Linear(WIDTH, CLASSES, rngs=rngs)

    def __call__(self, ids: Array) -> Array:
        x = self.token(ids) + self.position[: ids.shape[1]]
        return self.classify(self.norm(x))


# A fixed table of sines, a buffer of the ``state_dict`` here and a NumPy constant there.


def sines() -> np.ndarray:
    """Sinusoidal positions (CONTEXT, WIDTH), float32, the same bits for both."""
    angles = np.arange(CONTEXT)[:, None] / 10000.0 ** (np.arange(0, WIDTH, 2) / WIDTH)
    return np.stack([np.sin(angles), np.cos(angles)], axis=-1).reshape(CONTEXT, WIDTH).astype(np.float32)


class SineEmbedding(nn.Module):
    pe: Tensor

    def __init__(self) -> None:
        super().__init__()
        self.embedding = nn.Embedding(VOCABULARY, WIDTH)
        self.decoder = nn.Linear(WIDTH, CLASSES)
        self.register_buffer("pe", torch.tensor(sines()))

    def forward(self, ids: Tensor) -> Tensor:
        return self.decoder(self.embedding(ids) * WIDTH**0.5 + self.pe[: ids.shape[1]])


class LinenSineEmbedding(linen.Module):
    @linen.compact
    def __call__(self, ids: Array) -> Array:
        x = linen.Embed(VOCABULARY, WIDTH)(ids) * jnp.sqrt(WIDTH)
        return linen.Dense(CLASSES)(x + sines()[: ids.shape[1]])


# The head's weight is the embedding's: one tensor, two names, the gradients summed.


class TiedHead(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.embed = nn.Embedding(VOCABULARY, WIDTH)
        self.fc = nn.Linear(WIDTH, WIDTH)
        self.lm_head = nn.Linear(WIDTH, VOCABULARY, bias=False)
        self.lm_head.weight = self.embed.weight

    def forward(self, ids: Tensor) -> Tensor:
        x = self.embed(ids)
        return self.lm_head(x + torch.tanh(self.fc(x)))


class LinenTiedHead(linen.Module):
    @linen.compact
    def __call__(self, ids: Array) -> Array:
        embed = linen.Embed(VOCABULARY, WIDTH, name="embed")
        x = embed(ids)
        return embed.attend(x + jnp.tanh(linen.Dense(WIDTH)(x)))


class NNXTiedHead(nnx.Module):
    def __init__(self, rngs: nnx.Rngs) -> None:
        self.embed = nnx.Embed(VOCABULARY, WIDTH, rngs=rngs)
        self.fc = nnx.Linear(WIDTH, WIDTH, rngs=rngs)

    def __call__(self, ids: Array) -> Array:
        x = self.embed(ids)
        return self.embed.attend(x + jnp.tanh(self.fc(x)))


def tied_head(params: Params, ids: Array) -> Array:
    x = params["embed"][ids]
    return (x + jnp.tanh(x @ params["fc"]["w"] + params["fc"]["b"])) @ params["embed"].T


def tied_head_params() -> Params:
    fc = {"w": jnp.zeros((WIDTH, WIDTH)), "b": jnp.zeros(WIDTH)}
    return {"embed": jnp.zeros((VOCABULARY, WIDTH)), "fc": fc}


# LSTM: one layer and the last step's class; two layers and everything torch returns.


class LSTMClassifier(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.lstm = nn.LSTM(FEATURES, HIDDEN, batch_first=True)
        self.out = nn.Linear(HIDDEN, CLASSES)

    def forward(self, x: Tensor) -> Tensor:
        steps, _ = self.lstm(x)
        return self.out(steps[:, -1])


class LinenLSTMClassifier(linen.Module):
    @linen.compact
    def __call__(self, x: Array) -> Array:
        steps: Any = linen.RNN(linen.OptimizedLSTMCell(HIDDEN))(x)
        return linen.Dense(CLASSES, name="out")(steps[:, -1])


class NNXLSTMClassifier(nnx.Module):
    def __init__(self, rngs: nnx.Rngs) -> None:
        self.lstm = nnx.RNN(nnx.OptimizedLSTMCell(FEATURES, HIDDEN, rngs=rngs))
        self.out = nnx.Linear(HIDDEN, CLASSES, rngs=rngs)

    def __call__(self, x: Array) -> Array:
        return self.out(self.lstm(x)[:, -1])


def lstm_classifier(params: Params, x: Array) -> Array:
    """The recurrence by hand, both biases kept, the weights in torch's layout."""

    def step(carry: tuple[Array, Array], x_t: Array) -> tuple[tuple[Array, Array], None]:
        h, c = carry
        lstm = params["lstm"]
        gates = x_t @ lstm["w_ih"].T + lstm["b_ih"] + h @ lstm["w_hh"].T + lstm["b_hh"]
        i, f, g, o = jnp.split(gates, 4, axis=-1)
        c = jax.nn.sigmoid(f) * c + jax.nn.sigmoid(i) * jnp.tanh(g)
        return (jax.nn.sigmoid(o) * jnp.tanh(c), c), None

    zeros = jnp.zeros((x.shape[0], HIDDEN), x.dtype)
    (h, _), _ = jax.lax.scan(step, (zeros, zeros), x.swapaxes(0, 1))
    return h @ params["out"]["w"] + params["out"]["b"]


def lstm_classifier_params() -> Params:
    gates = 4 * HIDDEN
    lstm = {
        "w_ih": jnp.zeros((gates, FEATURES)),
        "w_hh": jnp.zeros((gates, HIDDEN)),
        "b_ih": jnp.zeros(gates),
        "b_hh": jnp.zeros(gates),
    }
    return {"lstm": lstm, "out": {"w": jnp.zeros((HIDDEN, CLASSES)), "b": jnp.zeros(CLASSES)}}


class LinenLSTMTwoLayers(linen.Module):
    """Time first, as torch has it by default: the steps, then both layers' last h and c, stacked."""

    @linen.compact
    def __call__(self, x: Array) -> tuple[Array, tuple[Array, Array]]:
        last = []
        for _ in range(2):
            rnn = linen.RNN(linen.LSTMCell(HIDDEN), time_major=True, return_carry=True)
            carry, x = rnn(x)
            last.append(carry)
        return x, (jnp.stack([h for _, h in last]), jnp.stack([c for c, _ in last]))


class NNXLSTMTwoLayers(nnx.Module):
    def __init__(self, rngs: nnx.Rngs) -> None:
        sizes = (FEATURES, HIDDEN)
        self.layers = nnx.List(nnx.RNN(nnx.LSTMCell(size, HIDDEN, rngs=rngs), return_carry=True) for size in sizes)

    def __call__(self, x: Array) -> tuple[Array, tuple[Array, Array]]:
        last = []
        for layer in self.layers:
            carry, x = layer(x, time_major=True)
            last.append(carry)
        return x, (jnp.stack([h for _, h in last]), jnp.stack([c for c, _ in last]))


def time_first(rng: np.random.Generator) -> np.ndarray:
    return np.ascontiguousarray(features(rng).swapaxes(0, 1))


class LSTMLengths(nn.Module):
    """The last valid state of rows of different lengths."""

    def __init__(self) -> None:
        super().__init__()
        self.rnn = nn.LSTM(FEATURES, HIDDEN, batch_first=True)

    def forward(self, x: Tensor, lengths: Tensor) -> Tensor:
        packed = pack_padded_sequence(x, lengths.long().cpu(), batch_first=True, enforce_sorted=False)
        _, (h, _) = self.rnn(packed)
        return h[0]


class LinenLSTMLengths(linen.Module):
    @linen.compact
    def __call__(self, x: Array, lengths: Array) -> Array:
        rnn = linen.RNN(linen.OptimizedLSTMCell(HIDDEN), return_carry=True)
        (_, h), _ = rnn(x, seq_lengths=lengths)
        return h


def lengths_batch(rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    return features(rng), rng.integers(1, STEPS + 1, BATCH).astype(np.int32)


class BiLSTM(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.lstm = nn.LSTM(FEATURES, HIDDEN, batch_first=True, bidirectional=True)
        self.tag = nn.Linear(DIRECTIONS * HIDDEN, CLASSES)

    def forward(self, x: Tensor) -> Tensor:
        return self.tag(self.lstm(x)[0])


class LinenBiLSTM(linen.Module):
    @linen.compact
    def __call__(self, x: Array) -> Array:
        forward = linen.RNN(linen.OptimizedLSTMCell(HIDDEN, name="forward_cell"))
        backward = linen.RNN(linen.OptimizedLSTMCell(HIDDEN, name="backward_cell"))
        both: Any = linen.Bidirectional(forward, backward)(x)
        return linen.Dense(CLASSES, name="tag")(both)


# GRU: the candidate's recurrent bias is inside the reset gate's product, so it stays apart from the others.


class GRUTagger(nn.Module):
    def __init__(self, layers: int) -> None:
        super().__init__()
        self.gru = nn.GRU(FEATURES, HIDDEN, num_layers=layers, batch_first=True)
        self.out = nn.Linear(HIDDEN, CLASSES)

    def forward(self, x: Tensor) -> Tensor:
        return self.out(self.gru(x)[0])


class LinenGRUTagger(linen.Module):
    @linen.compact
    def __call__(self, x: Array) -> Array:
        cell = linen.GRUCell(HIDDEN, name="gru")
        start = jnp.zeros((x.shape[0], HIDDEN), x.dtype)
        steps: Any = linen.RNN(cell)(x, initial_carry=start)
        return linen.Dense(CLASSES, name="out")(steps)


class LinenGRUScanned(linen.Module):
    """The transform spelled out: ``nn.scan`` of the cell over axis 1, one cell per layer."""

    layers: int

    @linen.compact
    def __call__(self, x: Array) -> Array:
        over_time = linen.scan(
            linen.GRUCell, variable_broadcast="params", split_rngs={"params": False}, in_axes=1, out_axes=1
        )
        for layer in range(self.layers):
            start = jnp.zeros((x.shape[0], HIDDEN), x.dtype)
            _, x = over_time(HIDDEN, name=f"gru_{layer}")(start, x)
        return linen.Dense(CLASSES, name="out")(x)


class NNXGRULayer(nnx.Module):
    """By hand, since ``nnx.GRUCell`` has no recurrent bias for the candidate."""

    def __init__(self, inputs: int, rngs: nnx.Rngs) -> None:
        self.x2h = nnx.Linear(inputs, 3 * HIDDEN, rngs=rngs)
        self.h2h = nnx.Linear(HIDDEN, 3 * HIDDEN, rngs=rngs)

    def __call__(self, x: Array) -> Array:
        def step(h: Array, x_t: Array) -> tuple[Array, Array]:
            x_r, x_z, x_n = jnp.split(x_t, 3, axis=-1)
            h_r, h_z, h_n = jnp.split(self.h2h(h), 3, axis=-1)
            z = nnx.sigmoid(x_z + h_z)
            n = jnp.tanh(x_n + nnx.sigmoid(x_r + h_r) * h_n)
            h = (1 - z) * n + z * h
            return h, h

        start = jnp.zeros((x.shape[0], HIDDEN), x.dtype)
        _, steps = jax.lax.scan(step, start, self.x2h(x).swapaxes(0, 1))
        return steps.swapaxes(0, 1)


class NNXGRUTagger(nnx.Module):
    def __init__(self, rngs: nnx.Rngs) -> None:
        self.gru = nnx.List([NNXGRULayer(FEATURES, rngs), NNXGRULayer(HIDDEN, rngs)])
        self.out = nnx.Linear(HIDDEN, CLASSES, rngs=rngs)

    def __call__(self, x: Array) -> Array:
        for layer in self.gru:
            x = layer(x)
        return self.out(x)


class RNNTanh(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.rnn = nn.RNN(FEATURES, HIDDEN, batch_first=True)

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        return self.rnn(x)


class NNXRNNTanh(nnx.Module):
    def __init__(self, rngs: nnx.Rngs) -> None:
        self.rnn = nnx.RNN(nnx.SimpleCell(FEATURES, HIDDEN, rngs=rngs), return_carry=True)

    def __call__(self, x: Array) -> tuple[Array, Array]:
        last, steps = self.rnn(x)
        return steps, last[None]


# Keyword inputs, a mask, and outputs with names.


@dataclass
class Tagged:
    logits: Tensor
    pooled: Tensor


@flax.struct.dataclass
class JaxTagged:
    logits: Array
    pooled: Array


class MaskedTagger(nn.Module):
    """Means over the valid steps only; ``structured`` returns a dataclass, otherwise a dictionary."""

    def __init__(self, structured: bool) -> None:
        super().__init__()
        self.structured = structured
        self.embedding = nn.Embedding(VOCABULARY, WIDTH)
        self.mix = nn.Linear(WIDTH, HIDDEN)
        self.tag = nn.Linear(HIDDEN, CLASSES)

    def forward(self, ids: Tensor, mask: Tensor) -> Any:
        x = F.silu(self.mix(self.embedding(ids)))
        x = x.masked_fill(~mask.unsqueeze(-1), 0.0)
        pooled = x.sum(dim=1) / mask.sum(dim=1, keepdim=True).clamp(min=1)
        logits = self.tag(x)
        return Tagged(logits, pooled) if self.structured else {"logits": logits, "pooled": pooled}


class LinenMaskedTagger(linen.Module):
    @linen.compact
    def __call__(self, ids: Array, mask: Array) -> dict[str, Array]:
        x = linen.Embed(VOCABULARY, WIDTH)(ids)
        x = linen.silu(linen.Dense(HIDDEN)(x))
        x = jnp.where(mask[..., None], x, 0.0)
        pooled = x.sum(axis=1) / jnp.maximum(mask.sum(axis=1, keepdims=True), 1)
        return {"pooled": pooled, "logits": linen.Dense(CLASSES)(x)}


class NNXMaskedTagger(nnx.Module):
    def __init__(self, rngs: nnx.Rngs) -> None:
        self.embed = nnx.Embed(VOCABULARY, WIDTH, rngs=rngs)
        self.mix = nnx.Linear(WIDTH, HIDDEN, rngs=rngs)
        self.tag = nnx.Linear(HIDDEN, CLASSES, rngs=rngs)

    def __call__(self, ids: Array, mask: Array) -> JaxTagged:
        x = nnx.silu(self.mix(self.embed(ids))) * mask[..., None]
        pooled = x.sum(axis=1) / jnp.maximum(mask.sum(axis=1, keepdims=True), 1)
        return JaxTagged(logits=self.tag(x), pooled=pooled)


def masked_ids(rng: np.random.Generator) -> dict[str, np.ndarray]:
    lengths = rng.integers(1, STEPS + 1, BATCH)
    return {"ids": ids(rng), "mask": np.arange(STEPS) < lengths[:, None]}


def nnx_port(build: Callable[[nnx.Rngs], nnx.Module]) -> Callable[[], nnx.Module]:
    return lambda: build(nnx.Rngs(0))


IDS = {"bounds": {"ids": (0, VOCABULARY)}}

ROWS: list[Sound] = [
    Sound("embed_head_linen", seeded(EmbedHead), LinenEmbedHead, ids, IDS),
    Sound("embed_head_nnx", seeded(EmbedHead), nnx_port(NNXEmbedHead), ids, IDS),
    Sound("sine_buffer_linen", seeded(SineEmbedding), LinenSineEmbedding, ids, IDS),
    Sound("tied_head_linen", seeded(TiedHead), LinenTiedHead, ids, IDS),
    Sound("tied_head_nnx", seeded(TiedHead), nnx_port(NNXTiedHead), ids, IDS),
    Sound("tied_head_function", seeded(TiedHead), lambda: (tied_head, tied_head_params()), ids, IDS),
    Sound("lstm_linen", seeded(LSTMClassifier), LinenLSTMClassifier, features),
    Sound("lstm_nnx", seeded(LSTMClassifier), nnx_port(NNXLSTMClassifier), features),
    Sound("lstm_function", seeded(LSTMClassifier), lambda: (lstm_classifier, lstm_classifier_params()), features),
    Sound(
        "lstm_two_layers_linen",
        seeded(lambda: nn.LSTM(FEATURES, HIDDEN, 2)),
        LinenLSTMTwoLayers,
        time_first,
        {"batch_axes": 1},
    ),
    Sound(
        "lstm_two_layers_nnx",
        seeded(lambda: nn.LSTM(FEATURES, HIDDEN, 2)),
        nnx_port(NNXLSTMTwoLayers),
        time_first,
        {"batch_axes": 1},
    ),
    Sound(
        "lstm_lengths_linen",
        seeded(LSTMLengths),
        LinenLSTMLengths,
        lengths_batch,
        {"bounds": {"lengths": (1, STEPS + 1)}},
    ),
    Sound("bilstm_linen", seeded(BiLSTM), LinenBiLSTM, features),
    Sound("gru_linen", seeded(lambda: GRUTagger(1)), LinenGRUTagger, features),
    Sound("gru_two_layers_linen", seeded(lambda: GRUTagger(2)), lambda: LinenGRUScanned(2), features),
    Sound("gru_two_layers_nnx", seeded(lambda: GRUTagger(2)), nnx_port(NNXGRUTagger), features),
    Sound("rnn_tanh_nnx", seeded(RNNTanh), nnx_port(NNXRNNTanh), features),
    Sound("dict_outputs_linen", seeded(lambda: MaskedTagger(False)), LinenMaskedTagger, masked_ids, IDS),
    Sound("dataclass_outputs_nnx", seeded(lambda: MaskedTagger(True)), nnx_port(NNXMaskedTagger), masked_ids, IDS),
]
