"""Ports whose parameters are kept as some library keeps them, each with the conversion that a person writes."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import jax
import numpy as np
import torch
import torch.nn.functional as F
from jax import numpy as jnp
from torch import nn

Arrays = dict[str, np.ndarray]
WIDTH, HEADS, EACH = 8, 2, 4


@dataclass(frozen=True)
class Stranger:
    """``port`` is a function of (parameters, *inputs); ``convert`` makes its parameters, by path, of the reference's
    arrays."""

    reference: nn.Module
    port: Callable[..., Any]
    convert: Callable[[Arrays], Arrays]
    inputs: tuple[np.ndarray, ...]


def normal(*shape: int) -> np.ndarray:
    return np.random.default_rng(0).standard_normal(shape).astype(np.float32)


class Attention(nn.Module):
    """One projection for query, key and value, which each have their rows together, or each head its own three."""

    def __init__(self, packed: str) -> None:
        super().__init__()
        self.packed, self.qkv, self.out = packed, nn.Linear(WIDTH, 3 * WIDTH), nn.Linear(WIDTH, WIDTH)

    def forward(self, x):
        made = self.qkv(x)
        if self.packed == "each head":
            q, k, v = made.unflatten(-1, (HEADS, 3, EACH)).permute(3, 0, 2, 1, 4)
        else:
            q, k, v = made.unflatten(-1, (3, HEADS, EACH)).permute(2, 0, 3, 1, 4)
        if self.packed == "key first":
            q, k = k, q
        return self.out(F.scaled_dot_product_attention(q, k, v).transpose(1, 2).flatten(2))


def parts(arrays: Arrays, packed: str) -> tuple[np.ndarray, np.ndarray]:
    """Query, key and value along the first axis, the heads along the second."""
    weight, bias = arrays["qkv.weight"], arrays["qkv.bias"]
    if packed == "each head":
        weight = weight.reshape(HEADS, 3, EACH, WIDTH).swapaxes(0, 1)
        bias = bias.reshape(HEADS, 3, EACH).swapaxes(0, 1)
    weight, bias = weight.reshape(3, HEADS, EACH, WIDTH), bias.reshape(3, HEADS, EACH)
    return (weight[[1, 0, 2]], bias[[1, 0, 2]]) if packed == "key first" else (weight, bias)


def attended(params, q, k, v):
    weights = jax.nn.softmax(q @ k.swapaxes(-1, -2) / np.sqrt(EACH), -1)
    mixed = (weights @ v).swapaxes(1, 2)
    return mixed.reshape(*mixed.shape[:2], WIDTH) @ params["o"]["w"] + params["o"]["b"]


def out(arrays: Arrays) -> Arrays:
    return {"o/w": arrays["out.weight"].T, "o/b": arrays["out.bias"]}


def fused(packed: str, axes: tuple[int, ...]) -> Stranger:
    """Packed there as the axes (3, head, width) in another order are flattened."""
    sizes = tuple((3, HEADS, EACH)[axis] for axis in axes)

    def port(params, x):
        made = (x @ params["p"]["w"] + params["p"]["b"]).reshape(*x.shape[:2], *sizes)
        q, k, v = jnp.moveaxis(made, [2 + axes.index(0), 2 + axes.index(1)], [0, 2])
        return attended(params, q, k, v)

    def convert(arrays):
        weight, bias = parts(arrays, packed)
        own = weight.transpose(*axes, 3).reshape(-1, WIDTH).T
        return {"p/w": own, "p/b": bias.transpose(axes).reshape(-1)} | out(arrays)

    return Stranger(Attention(packed), port, convert, (normal(2, 5, WIDTH),))


def apart(packed: str) -> Stranger:
    """An array for each, with axes for heads and width."""

    def port(params, x):
        return attended(
            params, *(jnp.einsum("btd,dhe->bhte", x, params[n]["w"]) + params[n]["b"][:, None] for n in "qkv")
        )

    def convert(arrays):
        made: Arrays = {}
        for name, weight, bias in zip("qkv", *parts(arrays, packed), strict=True):
            made |= {f"{name}/w": weight.transpose(2, 0, 1), f"{name}/b": bias}
        return made | out(arrays)

    return Stranger(Attention(packed), port, convert, (normal(2, 5, WIDTH),))


class Gated(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.gate, self.up, self.down = nn.Linear(6, 4), nn.Linear(6, 4), nn.Linear(4, 6)

    def forward(self, x):
        return self.down(F.silu(self.gate(x)) * self.up(x))


def strided() -> Stranger:
    """Every second entry is the gate's."""

    def port(params, x):
        made = x @ params["w"] + params["b"]
        return (jax.nn.silu(made[..., ::2]) * made[..., 1::2]) @ params["v"] + params["c"]

    def convert(arrays):
        weight, bias = (np.stack([arrays[f"gate.{one}"], arrays[f"up.{one}"]], 1) for one in ("weight", "bias"))
        return {
            "w": weight.reshape(8, 6).T,
            "b": bias.reshape(8),
            "v": arrays["down.weight"].T,
            "c": arrays["down.bias"],
        }

    return Stranger(Gated(), port, convert, (normal(5, 6),))


class Experts(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.gates = nn.ModuleList([nn.Linear(5, 4, bias=False) for _ in range(3)])
        self.ups = nn.ModuleList([nn.Linear(5, 4, bias=False) for _ in range(3)])
        self.downs = nn.ModuleList([nn.Linear(4, 5, bias=False) for _ in range(3)])

    def forward(self, x):
        every = zip(self.gates, self.ups, self.downs, strict=True)
        return torch.stack([down(F.silu(gate(x)) * up(x)) for gate, up, down in every], 1)


def stack_of_packed() -> Stranger:
    """All experts in one array, each gate beside its value."""

    def port(params, x):
        gate, up = jnp.split(jnp.einsum("bi,eij->bej", x, params["one"]), 2, -1)
        return jnp.einsum("bej,ejo->beo", jax.nn.silu(gate) * up, params["two"])

    def convert(arrays):
        pairs = [(arrays[f"gates.{at}.weight"], arrays[f"ups.{at}.weight"]) for at in range(3)]
        return {
            "one": np.stack([np.concatenate(pair).T for pair in pairs]),
            "two": np.stack([arrays[f"downs.{at}.weight"].T for at in range(3)]),
        }

    return Stranger(Experts(), port, convert, (normal(6, 5),))


class Recurrent(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.lstm, self.out = nn.LSTM(3, 4, 2, batch_first=True), nn.Linear(4, 2)

    def forward(self, x):
        return self.out(self.lstm(x)[0])


def two_cells() -> Stranger:
    """Two layers with one kernel each over what enters and the state, gates in Haiku's order."""

    def cell(params, x):
        def step(carry, x):
            hidden, held = carry
            i, g, f, o = jnp.split(jnp.concatenate([x, hidden], -1) @ params["w"] + params["b"], 4, -1)
            held = jax.nn.sigmoid(f + 1) * held + jax.nn.sigmoid(i) * jnp.tanh(g)
            hidden = jax.nn.sigmoid(o) * jnp.tanh(held)
            return (hidden, held), hidden

        start = jnp.zeros((x.shape[1], 4))
        return jax.lax.scan(step, (start, start), x)[1]

    def port(params, x):
        x = cell(params["two"], cell(params["one"], x.swapaxes(0, 1)))
        return x.swapaxes(0, 1) @ params["o"]["w"] + params["o"]["b"]

    def convert(arrays):
        def gates(array):
            i, f, g, o = np.split(array, 4)
            return np.concatenate([i, g, f, o])

        made = out(arrays)
        for at, name in enumerate(("one", "two")):
            bias = gates(arrays[f"lstm.bias_ih_l{at}"] + arrays[f"lstm.bias_hh_l{at}"])
            bias[8:12] -= 1
            kernel = [gates(arrays[f"lstm.weight_{source}_l{at}"]).T for source in ("ih", "hh")]
            made |= {f"{name}/w": np.concatenate(kernel), f"{name}/b": bias}
        return made

    return Stranger(Recurrent(), port, convert, (normal(2, 5, 3),))


class PackedGates(nn.Module):
    """A gated recurrent unit by hand, its gates packed in an order that is not torch's own."""

    def __init__(self) -> None:
        super().__init__()
        self.x, self.h = nn.Linear(3, 12), nn.Linear(4, 12, bias=False)

    def forward(self, x):
        h = x.new_zeros(x.shape[0], 4)
        for now in x.unbind(1):
            (zx, rx, nx), (zh, rh, nh) = self.x(now).chunk(3, -1), self.h(h).chunk(3, -1)
            z, r = torch.sigmoid(zx + zh), torch.sigmoid(rx + rh)
            h = (1 - z) * torch.tanh(nx + r * nh) + z * h
        return h


def packed_gates() -> Stranger:
    """Packed there in the same order."""

    def port(params, x):
        h = jnp.zeros((x.shape[0], 4))
        for now in x.swapaxes(0, 1):
            zx, rx, nx = jnp.split(now @ params["x"]["w"] + params["x"]["b"], 3, -1)
            zh, rh, nh = jnp.split(h @ params["h"]["w"], 3, -1)
            z, r = jax.nn.sigmoid(zx + zh), jax.nn.sigmoid(rx + rh)
            h = (1 - z) * jnp.tanh(nx + r * nh) + z * h
        return h

    def convert(arrays):
        return {"x/w": arrays["x.weight"].T, "x/b": arrays["x.bias"], "h/w": arrays["h.weight"].T}

    return Stranger(PackedGates(), port, convert, (normal(2, 3, 3),))


def nine_gates() -> Stranger:
    """An array for each, whose names do not tell the order."""

    def port(params, x):
        h = jnp.zeros((x.shape[0], 4))
        for now in x.swapaxes(0, 1):
            z, r = (jax.nn.sigmoid(now @ params[f"W{g}"] + h @ params[f"U{g}"] + params[f"b{g}"]) for g in "zr")
            h = (1 - z) * jnp.tanh(now @ params["Wn"] + r * (h @ params["Un"]) + params["bn"]) + z * h
        return h

    def convert(arrays):
        made: Arrays = {}
        for name, source in (("W", "x.weight"), ("U", "h.weight"), ("b", "x.bias")):
            made |= {f"{name}{gate}": part.T for gate, part in zip("zrn", np.split(arrays[source], 3), strict=True)}
        return made

    return Stranger(PackedGates(), port, convert, (normal(2, 3, 3),))


class Grouped(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.conv, self.out = nn.Conv1d(6, 9, 1, groups=3), nn.Linear(9, 2)

    def forward(self, x):
        return self.out(torch.relu(self.conv(x[..., None])[..., 0]))


def grouped() -> Stranger:
    """A convolution of one point in groups as a product for each."""

    def port(params, x):
        made = jnp.einsum("bgi,gio->bgo", x.reshape(-1, 3, 2), params["w"]) + params["b"]
        return jax.nn.relu(made).reshape(-1, 9) @ params["o"]["w"] + params["o"]["b"]

    def convert(arrays):
        kernel = arrays["conv.weight"].reshape(3, 3, 2).transpose(0, 2, 1)
        return {"w": kernel, "b": arrays["conv.bias"].reshape(3, 3)} | out(arrays)

    return Stranger(Grouped(), port, convert, (normal(4, 6),))


class Adapted(nn.Module):
    """A layer and a product of two small matrices beside it."""

    def __init__(self) -> None:
        super().__init__()
        self.base, self.a, self.b = nn.Linear(6, 6), nn.Linear(6, 2, bias=False), nn.Linear(2, 6, bias=False)
        self.out = nn.Linear(6, 2)

    def forward(self, x):
        return self.out(torch.tanh(self.base(x) + 0.5 * self.b(self.a(x))))


def merged() -> Stranger:
    """The product of the two added to the kernel before anything goes through it."""

    def port(params, x):
        kernel = params["w"] + 0.5 * params["small"] @ params["large"]
        return jnp.tanh(x @ kernel + params["c"]) @ params["o"]["w"] + params["o"]["b"]

    def convert(arrays):
        made = {"w": arrays["base.weight"].T, "c": arrays["base.bias"]}
        return made | {"small": arrays["a.weight"].T, "large": arrays["b.weight"].T} | out(arrays)

    return Stranger(Adapted(), port, convert, (normal(4, 6),))


class Patches(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.conv, self.out = nn.Conv2d(3, 8, 2, stride=2), nn.Linear(8, 2)

    def forward(self, x):
        return self.out(torch.tanh(self.conv(x).flatten(2).transpose(1, 2)))


def cut_out() -> Stranger:
    """Patches cut out and flattened, channels last, and a matrix."""

    def port(params, x):
        x = x.transpose(0, 2, 3, 1)
        batch, high, wide, channels = x.shape
        x = x.reshape(batch, high // 2, 2, wide // 2, 2, channels).swapaxes(2, 3).reshape(batch, -1, 4 * channels)
        return jnp.tanh(x @ params["w"] + params["b"]) @ params["o"]["w"] + params["o"]["b"]

    def convert(arrays):
        kernel = arrays["conv.weight"].transpose(2, 3, 1, 0).reshape(-1, 8)
        return {"w": kernel, "b": arrays["conv.bias"]} | out(arrays)

    return Stranger(Patches(), port, convert, (normal(2, 3, 4, 6),))


STRANGERS: dict[str, Callable[[], Stranger]] = {
    "a head's three together, there one after another": lambda: fused("each head", (0, 1, 2)),
    "one after another, there a head's three together": lambda: fused("one after another", (1, 0, 2)),
    "a head's three together, there every third entry": lambda: fused("each head", (1, 2, 0)),
    "the key first, there a head's three together": lambda: fused("key first", (1, 0, 2)),
    "a head's three together, there apart": lambda: apart("each head"),
    "every second entry": strided,
    "a stack of what is packed": stack_of_packed,
    "two recurrent layers with a kernel each": two_cells,
    "gates packed in an order that is not torch's": packed_gates,
    "packed gates, there nine arrays": nine_gates,
    "a grouped convolution of one point": grouped,
    "two small matrices merged into a kernel": merged,
    "patches cut out and flattened": cut_out,
}
