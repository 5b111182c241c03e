"""Sound ports in Equinox: modules of one row, mapped over the batch by the pair; weights (out, in), as torch's."""

from typing import Any

import equinox as eqx
import jax
import numpy as np
import torch
from jax import Array
from jax import numpy as jnp
from torch import Tensor, nn

from tests.compare.zoo import normal, seeded
from tests.compare.zoo.norms import Spectral
from tests.compare.zoo.row import Sound

KEY = jax.random.key(0)


def by_rows(module: Any, x: Array) -> Array:
    return jax.vmap(module)(x)


def by_rows_with_keys(module: Any, x: Array, key: Array) -> Array:
    return jax.vmap(module)(x, key=jax.random.split(key, len(x)))


class Mlp(nn.Module):
    """Dropout between the layers, told by the module's mode."""

    def __init__(self) -> None:
        super().__init__()
        self.up = nn.Linear(12, 20)
        self.drop = nn.Dropout(0.3)
        self.down = nn.Linear(20, 5)

    def forward(self, x: Tensor) -> Tensor:
        return self.down(self.drop(torch.tanh(self.up(x))))


class MlpEquinox(eqx.Module):
    """Told by ``inference`` of its dropout."""

    up: eqx.nn.Linear
    drop: eqx.nn.Dropout
    down: eqx.nn.Linear

    def __init__(self) -> None:
        self.up = eqx.nn.Linear(12, 20, key=KEY)
        self.drop = eqx.nn.Dropout(0.3)
        self.down = eqx.nn.Linear(20, 5, key=KEY)

    def __call__(self, x: Array, *, key: Array) -> Array:
        return self.down(self.drop(jnp.tanh(self.up(x)), key=key))


class WholeBatchEquinox(MlpEquinox):
    """Maps its layers over the rows itself: it is called as it is."""

    def __call__(self, x: Array, *, key: Array) -> Array:
        hidden = self.drop(jnp.tanh(jax.vmap(self.up)(x)), key=key)
        return jax.vmap(self.down)(hidden)


class Convolutions(nn.Module):
    """Grouped, strided, dilated, and a transposed one; group norm between them."""

    def __init__(self) -> None:
        super().__init__()
        self.first = nn.Conv2d(3, 8, 3, padding=1)
        self.norm = nn.GroupNorm(4, 8)
        self.second = nn.Conv2d(8, 6, 3, stride=2, groups=2)
        self.third = nn.Conv2d(6, 6, 2, dilation=2)
        self.head = nn.Linear(6 * 2 * 2, 4)

    def forward(self, x: Tensor) -> Tensor:
        x = torch.relu(self.norm(self.first(x)))
        return self.head(torch.tanh(self.third(self.second(x))).flatten(1))


class ConvolutionsEquinox(eqx.Module):
    first: eqx.nn.Conv2d
    norm: eqx.nn.GroupNorm
    second: eqx.nn.Conv2d
    third: eqx.nn.Conv2d
    head: eqx.nn.Linear

    def __init__(self) -> None:
        self.first = eqx.nn.Conv2d(3, 8, 3, padding=1, key=KEY)
        self.norm = eqx.nn.GroupNorm(4, 8)
        self.second = eqx.nn.Conv2d(8, 6, 3, stride=2, groups=2, key=KEY)
        self.third = eqx.nn.Conv2d(6, 6, 2, dilation=2, key=KEY)
        self.head = eqx.nn.Linear(6 * 2 * 2, 4, key=KEY)

    def __call__(self, x: Array) -> Array:
        x = jax.nn.relu(self.norm(self.first(x)))
        return self.head(jnp.tanh(self.third(self.second(x))).reshape(-1))


class Statistics(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(3, 8, 3)
        self.norm = nn.BatchNorm2d(8)
        self.head = nn.Linear(8, 4)

    def forward(self, x: Tensor) -> Tensor:
        return self.head(torch.tanh(self.norm(self.conv(x))).mean((2, 3)))


class StatisticsEquinox(eqx.Module):
    """Running statistics lie in the State; their momentum is the weight of the old value."""

    conv: eqx.nn.Conv2d
    norm: eqx.nn.BatchNorm
    head: eqx.nn.Linear

    def __init__(self) -> None:
        self.conv = eqx.nn.Conv2d(3, 8, 3, key=KEY)
        self.norm = eqx.nn.BatchNorm(8, axis_name="batch", momentum=0.9, mode="batch")
        self.head = eqx.nn.Linear(8, 4, key=KEY)

    def __call__(self, x: Array, state: eqx.nn.State) -> tuple[Array, eqx.nn.State]:
        x, state = self.norm(self.conv(x), state)
        return self.head(jnp.tanh(x).mean((1, 2))), state


def with_statistics() -> tuple[Any, Any]:
    def by_rows(module: StatisticsEquinox, x: Array, state: eqx.nn.State) -> tuple[Array, eqx.nn.State]:
        return jax.vmap(module, axis_name="batch", in_axes=(0, None), out_axes=(0, None))(x, state)

    return by_rows, eqx.nn.make_with_state(StatisticsEquinox)()


class Attention(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.norm = nn.LayerNorm(16)
        self.attention = nn.MultiheadAttention(16, 4, dropout=0.1, batch_first=True)
        self.out = nn.Linear(16, 16)

    def forward(self, x: Tensor) -> Tensor:
        h = self.norm(x)
        return self.out(x + self.attention(h, h, h, need_weights=False)[0])


class AttentionEquinox(eqx.Module):
    """Dropout on attention weights, drawn for one head of one row at a time."""

    norm: eqx.nn.LayerNorm
    attention: eqx.nn.MultiheadAttention
    out: eqx.nn.Linear

    def __init__(self) -> None:
        self.norm = eqx.nn.LayerNorm(16)
        self.attention = eqx.nn.MultiheadAttention(
            4, 16, use_query_bias=True, use_key_bias=True, use_value_bias=True, use_output_bias=True, dropout_p=0.1,
            key=KEY,
        )  # fmt: skip
        self.out = eqx.nn.Linear(16, 16, key=KEY)

    def __call__(self, x: Array, *, key: Array) -> Array:
        h = jax.vmap(self.norm)(x)
        return jax.vmap(self.out)(x + self.attention(h, h, h, key=key))


class Recurrent(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.cell = nn.LSTM(6, 9, batch_first=True)
        self.head = nn.Linear(9, 3)

    def forward(self, x: Tensor) -> Tensor:
        return self.head(self.cell(x)[0])


class RecurrentEquinox(eqx.Module):
    """torch's gates in torch's order; the two biases are one."""

    cell: eqx.nn.LSTMCell
    head: eqx.nn.Linear

    def __init__(self) -> None:
        self.cell = eqx.nn.LSTMCell(6, 9, key=KEY)
        self.head = eqx.nn.Linear(9, 3, key=KEY)

    def __call__(self, x: Array) -> Array:
        def step(carry: Any, row: Array) -> tuple[Any, Array]:
            carry = self.cell(row, carry)
            return carry, carry[0]

        start = (jnp.zeros(9, x.dtype), jnp.zeros(9, x.dtype))
        return jax.vmap(self.head)(jax.lax.scan(step, start, x)[1])


def tokens(rng: np.random.Generator) -> np.ndarray:
    return rng.integers(0, 11, (3, 5)).astype(np.int32)


class Embedded(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.embed = nn.Embedding(11, 8)
        self.norm = nn.RMSNorm(8, eps=1e-6)
        self.head = nn.Linear(8, 4, bias=False)

    def forward(self, ids: Tensor) -> Tensor:
        return self.head(self.norm(self.embed(ids)))


class EmbeddedEquinox(eqx.Module):
    embed: eqx.nn.Embedding
    norm: eqx.nn.RMSNorm
    head: eqx.nn.Linear

    def __init__(self) -> None:
        self.embed = eqx.nn.Embedding(11, 8, key=KEY)
        self.norm = eqx.nn.RMSNorm(8, eps=1e-6, use_bias=False)
        self.head = eqx.nn.Linear(8, 4, use_bias=False, key=KEY)

    def __call__(self, token: Array) -> Array:
        return self.head(self.norm(self.embed(token)))


def by_tokens(module: Any, ids: Array) -> Array:
    return jax.vmap(jax.vmap(module))(ids)


class SpectralEquinox(eqx.Module):
    dense: eqx.nn.SpectralNorm
    head: eqx.nn.Linear

    def __init__(self) -> None:
        self.dense = eqx.nn.SpectralNorm(eqx.nn.Linear(6, 5, key=KEY), "weight", key=KEY)
        self.head = eqx.nn.Linear(5, 3, key=KEY)

    def __call__(self, x: Array, state: eqx.nn.State) -> tuple[Array, eqx.nn.State]:
        x, state = self.dense(x, state)
        return self.head(jnp.tanh(x)), state


def with_vectors() -> Any:
    """torch's own order of steps: u of v, and then v of u."""

    def of_batch(module: Any, x: Array, state: eqx.nn.State) -> tuple[Array, eqx.nn.State]:
        return jax.vmap(module, in_axes=(0, None), out_axes=(0, None))(x, state)

    return of_batch, eqx.nn.make_with_state(SpectralEquinox)()


ROWS = [
    Sound("mlp_dropout_equinox", seeded(Mlp), lambda: (by_rows_with_keys, MlpEquinox()), normal(6, 12)),
    Sound("mlp_whole_batch_equinox", seeded(Mlp), WholeBatchEquinox, normal(6, 12)),
    Sound("convolutions_equinox", seeded(Convolutions), lambda: (by_rows, ConvolutionsEquinox()), normal(3, 3, 9, 9)),
    Sound(
        "batch_norm_equinox", seeded(Statistics), with_statistics, normal(5, 3, 6, 6),
        {"accept": ("running_variance",)},
    ),
    Sound(
        "spectral_norm_equinox", seeded(Spectral, nn.utils.parametrizations.spectral_norm), with_vectors, normal(5, 6)
    ),
    Sound("attention_equinox", seeded(Attention), lambda: (by_rows_with_keys, AttentionEquinox()), normal(3, 7, 16)),
    Sound("lstm_equinox", seeded(Recurrent), lambda: (by_rows, RecurrentEquinox()), normal(3, 7, 6)),
    Sound("embedding_equinox", seeded(Embedded), lambda: (by_tokens, EmbeddedEquinox()), tokens),
]  # fmt: skip
