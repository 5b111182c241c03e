"""Sound ports that round below the working precision where the reference does, or where it loses nothing.

Layers under autocast beside layers with a ``dtype=``; what follows them back in float32 on one side and still in
bfloat16 on the other; a loop beside a scan; a packed projection beside three.
"""

from functools import partial
from typing import Any

import jax
import numpy as np
import torch
import torch.nn.functional as F
from flax import linen, nnx
from jax import Array
from jax import numpy as jnp
from torch import Tensor, nn

from tests.compare.zoo import normal, seeded
from tests.compare.zoo.row import Sound

WIDTH, STEPS, HEADS = 8, 5, 2
LOW, LOW_16 = jnp.bfloat16, jnp.float16
X, TOKENS = normal(5, WIDTH), normal(2, STEPS, WIDTH)
Params = dict[str, Any]


class Lowered(nn.Module):
    """Three layers, some of them under autocast."""

    def __init__(self, low: str, dtype: torch.dtype = torch.bfloat16) -> None:
        super().__init__()
        self.a, self.b, self.c = nn.Linear(WIDTH, 12), nn.Linear(12, 10), nn.Linear(10, 3)
        self.low, self.dtype = low, dtype

    def forward(self, x: Tensor) -> Tensor:
        with self.within("a"):
            a = self.a(x)
        with self.within("b"):
            b = self.b(torch.tanh(a.to(x.dtype)))
        with self.within("c"):
            c = self.c(torch.tanh(b.to(x.dtype)))
        return torch.tanh(c.to(x.dtype))

    def within(self, name: str) -> torch.autocast:
        return torch.autocast("cpu", self.dtype, enabled=name in self.low)


class LoweredLinen(linen.Module):
    low: str
    dtype: Any = LOW

    @linen.compact
    def __call__(self, x: Array) -> Array:
        low = {name: self.dtype if name in self.low else None for name in "abc"}
        a = linen.Dense(12, name="a", dtype=low["a"])(x).astype(x.dtype)
        b = linen.Dense(10, name="b", dtype=low["b"])(jnp.tanh(a)).astype(x.dtype)
        return jnp.tanh(linen.Dense(3, name="c", dtype=low["c"])(jnp.tanh(b)).astype(x.dtype))


class LoweredNNX(nnx.Module):
    def __init__(self, low: str, rngs: nnx.Rngs) -> None:
        widths = (WIDTH, 12, 10, 3)
        for name, into, out in zip("abc", widths, widths[1:], strict=False):
            setattr(self, name, nnx.Linear(into, out, dtype=LOW if name in low else None, rngs=rngs))

    def __call__(self, x: Array) -> Array:
        a = jnp.tanh(self.a(x).astype(x.dtype))
        b = jnp.tanh(self.b(a).astype(x.dtype))
        return jnp.tanh(self.c(b).astype(x.dtype))


class Block(nn.Module):
    """A norm, attention and a residual, all under autocast: what is low in there is for torch to say."""

    def __init__(self, low: bool = True, fused: bool = False) -> None:
        super().__init__()
        self.norm, self.low, self.fused = nn.LayerNorm(WIDTH), low, fused
        self.q, self.k, self.v, self.o, self.up = (nn.Linear(WIDTH, WIDTH) for _ in range(5))

    def forward(self, x: Tensor) -> Tensor:
        with torch.autocast("cpu", torch.bfloat16, enabled=self.low):
            h = self.norm(x)
            q, k, v = (layer(h).unflatten(-1, (HEADS, -1)).transpose(1, 2) for layer in (self.q, self.k, self.v))
            if self.fused:
                mixed = F.scaled_dot_product_attention(q, k, v)
            else:
                mixed = (q @ k.mT / q.shape[-1] ** 0.5).softmax(-1) @ v
            x = x + self.o(mixed.transpose(1, 2).flatten(2))
            return x + F.gelu(self.up(x), approximate="tanh")


class BlockLinen(linen.Module):
    dtype: Any = LOW

    @linen.compact
    def __call__(self, x: Array) -> Array:
        dense = partial(linen.Dense, WIDTH, dtype=self.dtype)
        h = linen.LayerNorm(epsilon=1e-5, name="norm", dtype=self.dtype)(x)
        q, k, v = (dense(name=name)(h).reshape(*h.shape[:-1], HEADS, -1) for name in "qkv")
        mixed = linen.dot_product_attention(q, k, v, dtype=self.dtype)
        x = x + dense(name="o")(mixed.reshape(h.shape))
        return x + linen.gelu(dense(name="up")(x))


class Packed(nn.Module):
    """Attention whose three projections are one array."""

    def __init__(self) -> None:
        super().__init__()
        self.inner = nn.MultiheadAttention(WIDTH, HEADS, batch_first=True)

    def forward(self, x: Tensor) -> Tensor:
        with torch.autocast("cpu", torch.bfloat16):
            return self.inner(x, x, x, need_weights=False)[0].to(x.dtype)


class PackedLinen(linen.Module):
    @linen.compact
    def __call__(self, x: Array) -> Array:
        return linen.MultiHeadDotProductAttention(HEADS, dtype=LOW, name="inner")(x).astype(x.dtype)


class Back(nn.Module):
    """A layer under autocast, and all after it in float32."""

    def __init__(self) -> None:
        super().__init__()
        self.a, self.c = nn.Linear(WIDTH, 12), nn.Linear(12, 3)

    def forward(self, x: Tensor) -> Tensor:
        with torch.autocast("cpu", torch.bfloat16):
            y = self.a(x)
        return self.c(torch.tanh(y.to(x.dtype)))


class NotBackLinen(linen.Module):
    """The activation still in bfloat16, by no request of its own."""

    @linen.compact
    def __call__(self, x: Array) -> Array:
        return linen.Dense(3, name="c")(jnp.tanh(linen.Dense(12, name="a", dtype=LOW)(x)))


class Normed(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.a, self.norm = nn.Linear(WIDTH, 12), nn.LayerNorm(12)

    def forward(self, x: Tensor) -> Tensor:
        with torch.autocast("cpu", torch.bfloat16):
            return self.norm(self.a(x)).to(x.dtype)


class NormedNNX(nnx.Module):
    def __init__(self, rngs: nnx.Rngs) -> None:
        self.a = nnx.Linear(WIDTH, 12, dtype=LOW, rngs=rngs)
        self.norm = nnx.LayerNorm(12, epsilon=1e-5, dtype=LOW, rngs=rngs)

    def __call__(self, x: Array) -> Array:
        return self.norm(self.a(x)).astype(x.dtype)


class Loop(nn.Module):
    """A cell under autocast, a step at a time."""

    def __init__(self) -> None:
        super().__init__()
        self.i, self.h = nn.Linear(WIDTH, WIDTH), nn.Linear(WIDTH, WIDTH, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        state, states = torch.zeros_like(x[:, 0]), []
        for row in x.unbind(1):
            with torch.autocast("cpu", torch.bfloat16):
                state = torch.tanh(self.i(row) + self.h(state))
            states.append(state.to(x.dtype))
        return torch.stack(states, 1)


def scanned(p: Params, x: Array) -> Array:
    i, h, bias = (p[name].astype(LOW) for name in ("i.weight", "h.weight", "i.bias"))

    def step(state: Array, row: Array) -> tuple[Array, Array]:
        state = jnp.tanh(row.astype(LOW) @ i.T + bias + state @ h.T)
        return state, state

    _, states = jax.lax.scan(step, jnp.zeros(x[:, 0].shape, LOW), x.transpose(1, 0, 2))
    return states.transpose(1, 0, 2).astype(x.dtype)


class Product(nn.Module):
    """A product whose operands or whose result are rounded by hand."""

    def __init__(self, rounds: str = "") -> None:
        super().__init__()
        self.w, self.rounds = nn.Parameter(torch.randn(WIDTH, 3)), rounds

    def forward(self, x: Tensor) -> Tensor:
        w = self.w
        if self.rounds == "operands":
            x, w = x.bfloat16().to(x.dtype), w.bfloat16().to(w.dtype)
        y = x @ w
        return y.bfloat16().to(y.dtype) if self.rounds == "result" else y


def preferred(p: Params, x: Array) -> Array:
    return jnp.matmul(x, p["w"], preferred_element_type=LOW).astype(x.dtype)


def by_algorithm(p: Params, x: Array) -> Array:
    return jnp.matmul(x, p["w"], precision=jax.lax.DotAlgorithmPreset.BF16_BF16_F32)


def by_bits(p: Params, x: Array) -> Array:
    return jax.lax.reduce_precision(jnp.matmul(x, p["w"]), 8, 7)


class Gate(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.a, self.c = nn.Linear(WIDTH, 12), nn.Linear(12, 3)

    def forward(self, x: Tensor) -> Tensor:
        return self.c(self.a(x) * (x[:, :1] > 0).float())


class GateLinen(linen.Module):
    """A mask of ones and zeros in bfloat16, which loses nothing."""

    @linen.compact
    def __call__(self, x: Array) -> Array:
        mask = (x[:, :1] > 0).astype(x.dtype).astype(LOW)
        return linen.Dense(3, name="c")(linen.Dense(12, name="a")(x) * mask.astype(x.dtype))


def arrays(**shapes: tuple[int, ...]) -> Params:
    return {name.replace("_", "."): jnp.asarray(np.ones(shape, np.float32)) for name, shape in shapes.items()}


def product_port(function: Any) -> Any:
    return lambda: (function, arrays(w=(WIDTH, 3)))


ROWS = [
    Sound("autocast_two_layers_linen", seeded(Lowered, "ab"), lambda: LoweredLinen("ab"), X),
    Sound("autocast_two_layers_nnx", seeded(Lowered, "ac"), lambda: LoweredNNX("ac", nnx.Rngs(0)), X),
    Sound("autocast_float16_linen", seeded(Lowered, "b", torch.float16), lambda: LoweredLinen("b", LOW_16), X),
    Sound("autocast_block_linen", seeded(Block), BlockLinen, TOKENS),
    Sound("autocast_block_fused_linen", seeded(Block, True, True), BlockLinen, TOKENS),
    Sound("autocast_packed_linen", seeded(Packed), PackedLinen, TOKENS),
    Sound("autocast_not_back_linen", seeded(Back), NotBackLinen, X),
    Sound("autocast_norm_nnx", seeded(Normed), lambda: NormedNNX(nnx.Rngs(0)), X),
    Sound(
        "autocast_loop_function",
        seeded(Loop),
        lambda: (scanned, arrays(i_weight=(WIDTH, WIDTH), i_bias=(WIDTH,), h_weight=(WIDTH, WIDTH))),
        TOKENS,
    ),
    Sound("preferred_type_function", seeded(Product, "result"), product_port(preferred), X),
    Sound("algorithm_function", seeded(Product, "operands"), product_port(by_algorithm), X),
    Sound("rounded_by_bits_function", seeded(Product, "result"), product_port(by_bits), X),
    Sound("exact_mask_linen", seeded(Gate), GateLinen, X),
]
