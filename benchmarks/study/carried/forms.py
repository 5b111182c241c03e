"""Random models whose port keeps its parameters in another way: each with the conversion that a person would write.

A port is a function of parameters whose names tell or tell nothing, so that what it does with them is all there is.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import torch
from torch import nn

Rng = np.random.Generator
Arrays = dict[str, np.ndarray]
Tree = dict[str, Any]  # of the port's parameters


@dataclass(frozen=True)
class Case:
    """A reference, a port of it, and how the one's weights become the other's.

    Attributes:
        form: what is special about it.
        reference, port, batch: as a pair takes them; port: a function of (parameters, *inputs).
        convert: from the reference's arrays by name to the port's parameters by path, with slashes.
        stacked: the leaves whose first axis counts layers; packed: those that pack as many parts along their last axis.
        summed: those that hold a sum, with what is added; heads: those whose first axis is (heads, width).
        flat: those whose rows are flattened; kernels: of a convolution; forget: those from whose gate something is
            taken off.
        axes: what brings the port's output into the reference's layout.
    """

    form: str
    reference: nn.Module
    port: Callable[..., jax.Array]
    convert: Callable[[Arrays], Arrays]
    batch: tuple[np.ndarray, ...]
    stacked: tuple[str, ...] = ()
    packed: Mapping[str, int] = field(default_factory=dict)
    summed: Mapping[str, tuple[str, str]] = field(default_factory=dict)
    heads: Mapping[str, tuple[int, int]] = field(default_factory=dict)
    flat: tuple[str, ...] = ()
    kernels: tuple[str, ...] = ()
    forget: tuple[str, ...] = ()
    axes: tuple[int, ...] | None = None


class Draw:
    """One case's choices."""

    def __init__(self, rng: Rng) -> None:
        self.rng, self.tells = rng, bool(rng.random() < 0.5)
        torch.manual_seed(int(rng.integers(2**31)))

    def one_of(self, choices: Any) -> Any:
        return choices[int(self.rng.integers(len(choices)))]

    def named(self, *names: str) -> tuple[str, ...]:
        """The names, or ones that tell nothing, in an order of their own."""
        if self.tells:
            return names
        order = self.rng.permutation(len(names))
        return tuple(f"v{order[at]}" for at in range(len(names)))

    def floats(self, *shape: int) -> np.ndarray:
        return self.rng.standard_normal(shape).astype(np.float32)


def shaken(module: nn.Module, rng: Rng) -> nn.Module:
    """No entry at 0 or 1, as after training."""
    with torch.no_grad():
        for name, tensor in [*module.named_parameters(), *module.named_buffers()]:
            if tensor.is_floating_point():
                drawn = torch.from_numpy(rng.standard_normal(tuple(tensor.shape)).astype(np.float32))
                tensor.copy_(drawn.square() + 0.5 if name.endswith("running_var") else 0.6 * drawn)
    return module.eval()


def dense(params: Tree, name: str, x: jax.Array) -> jax.Array:
    return x @ params[name]["kernel"] + params[name]["bias"]


def linear(arrays: Arrays, layer: str, name: str) -> Arrays:
    return {f"{name}/kernel": arrays[f"{layer}.weight"].T, f"{name}/bias": arrays[f"{layer}.bias"]}


class Stack(nn.Module):
    def __init__(self, into: int, width: int, count: int, norm: bool) -> None:
        super().__init__()
        self.into = nn.Linear(into, width)
        self.layers = nn.ModuleList([nn.Linear(width, width) for _ in range(count)])
        self.norms = nn.ModuleList([nn.LayerNorm(width) if norm else nn.Identity() for _ in range(count)])
        self.out = nn.Linear(width, 3)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = self.into(x)
        for layer, norm in zip(self.layers, self.norms, strict=True):
            x = x + torch.tanh(layer(norm(x)))
        return self.out(x)


def stacked(draw: Draw) -> Case:
    """A list of layers as one array that is scanned over."""
    count, width, norm, into = draw.one_of((2, 3, 4)), draw.one_of((4, 6)), draw.one_of((False, True)), 5
    first, stack, last = draw.named("into", "layers", "out")

    def port(params: Tree, x: jax.Array) -> jax.Array:
        def step(x: jax.Array, own: Tree) -> tuple[jax.Array, None]:
            y = x
            if norm:
                y = (x - x.mean(-1, keepdims=True)) / jnp.sqrt(x.var(-1, keepdims=True) + 1e-5)
                y = y * own["scale"] + own["shift"]
            return x + jnp.tanh(y @ own["kernel"] + own["bias"]), None

        return dense(params, last, jax.lax.scan(step, dense(params, first, x), params[stack])[0])

    def convert(arrays: Arrays) -> Arrays:
        def of(kind: str, name: str) -> list[np.ndarray]:
            return [arrays[f"{kind}.{at}.{name}"] for at in range(count)]

        made = {f"{stack}/kernel": np.stack([one.T for one in of("layers", "weight")])}
        made |= {f"{stack}/bias": np.stack(of("layers", "bias"))}
        if norm:
            made |= {f"{stack}/scale": np.stack(of("norms", "weight")), f"{stack}/shift": np.stack(of("norms", "bias"))}
        return made | linear(arrays, "into", first) | linear(arrays, "out", last)

    reference = shaken(Stack(into, width, count, norm), draw.rng)
    return Case("layers stacked, scanned", reference, port, convert, (draw.floats(4, into),), (f"{stack}/kernel",))


class Members(nn.Module):
    def __init__(self, into: int, out: int, count: int) -> None:
        super().__init__()
        self.members = nn.ModuleList([nn.Linear(into, out) for _ in range(count)])

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return torch.stack([torch.tanh(member(x)) for member in self.members], 1)


def ensemble(draw: Draw) -> Case:
    """An ensemble, or experts, as one array in an einsum or under vmap."""
    count, into, out, mapped = draw.one_of((2, 3)), draw.one_of((4, 5)), draw.one_of((4, 6)), draw.one_of((0, 1))
    kernel, bias = draw.named("kernel", "bias")

    def port(params: Tree, x: jax.Array) -> jax.Array:
        if mapped:
            each = jax.vmap(lambda own, shift: jnp.tanh(x @ own + shift), out_axes=1)
            return each(params[kernel], params[bias])
        return jnp.tanh(jnp.einsum("bi,eio->beo", x, params[kernel]) + params[bias])

    def convert(arrays: Arrays) -> Arrays:
        own = [[arrays[f"members.{at}.{name}"] for at in range(count)] for name in ("weight", "bias")]
        return {kernel: np.stack([one.T for one in own[0]]), bias: np.stack(own[1])}

    reference = shaken(Members(into, out, count), draw.rng)
    return Case("ensemble stacked", reference, port, convert, (draw.floats(4, into),), (kernel,))


class Attention(nn.Module):
    def __init__(self, width: int, heads: int, packed: str) -> None:
        super().__init__()
        self.heads, self.packed = heads, packed
        for name in packed.split():
            setattr(self, name, nn.Linear(width, width * len(name)))
        self.o = nn.Linear(width, width)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        parts: dict[str, torch.Tensor] = {}
        for name in self.packed.split():
            parts |= dict(zip(name, getattr(self, name)(x).chunk(len(name), -1), strict=True))
        q, k, v = (parts[letter].unflatten(-1, (self.heads, -1)).transpose(1, 2) for letter in "qkv")
        weights = torch.softmax(q @ k.transpose(-1, -2) / q.shape[-1] ** 0.5, -1)
        return self.o((weights @ v).transpose(1, 2).flatten(2))


def attention(draw: Draw) -> Case:
    """Projections packed on one side, apart or packed otherwise on the other, with axes of their own or none."""
    width, heads = 8, draw.one_of((1, 2, 4))
    here, there = draw.one_of(
        (("q k v", "qkv"), ("q k v", "kqv"), ("qkv", "q k v"), ("q kv", "q k v"), ("q k v", "q kv"))
    )
    apart = there == "q k v"
    names = dict(zip(there.split(), draw.named(*there.split()), strict=True))

    def port(params: Tree, x: jax.Array) -> jax.Array:
        parts: dict[str, jax.Array] = {}
        for letters, name in names.items():
            if apart:
                made = jnp.einsum("btd,dhw->bthw", x, params[name]["kernel"]) + params[name]["bias"]
                parts[letters] = made.swapaxes(1, 2)
            else:
                pieces = jnp.split(dense(params, name, x), len(letters), -1)
                shaped = [one.reshape(*one.shape[:-1], heads, -1).swapaxes(1, 2) for one in pieces]
                parts |= dict(zip(letters, shaped, strict=True))
        scores = parts["q"] @ parts["k"].swapaxes(-1, -2) / (width // heads) ** 0.5
        mixed = (jax.nn.softmax(scores, -1) @ parts["v"]).swapaxes(1, 2)
        return dense(params, "out", mixed.reshape(*mixed.shape[:2], -1))

    def convert(arrays: Arrays) -> Arrays:
        held: Arrays = {}
        for letters in here.split():
            for at, letter in enumerate(letters):
                cut = slice(at * width, (at + 1) * width)
                held |= {f"{letter}.kernel": arrays[f"{letters}.weight"][cut].T}
                held |= {f"{letter}.bias": arrays[f"{letters}.bias"][cut]}
        made = linear(arrays, "o", "out")
        for letters, name in names.items():
            for kind in ("kernel", "bias"):
                own = np.concatenate([held[f"{letter}.{kind}"] for letter in letters], -1)
                made[f"{name}/{kind}"] = own.reshape(*own.shape[:-1], heads, -1) if apart else own
        return made

    reference = shaken(Attention(width, heads, here), draw.rng)
    packs = {f"{name}/kernel": len(letters) for letters, name in names.items() if len(letters) > 1}
    in_heads = {"out/kernel": (heads, width // heads)} if 1 < heads < width else {}
    form = f"attention, {here} as {there}"
    return Case(form, reference, port, convert, (draw.floats(2, 5, width),), packed=packs, heads=in_heads)


class TwoInputs(nn.Module):
    def __init__(self, one: int, two: int, hidden: int) -> None:
        super().__init__()
        self.a, self.b, self.out = nn.Linear(one, hidden), nn.Linear(two, hidden), nn.Linear(hidden, 3)

    def forward(self, x: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
        return self.out(torch.tanh(self.a(x) + self.b(y)))


def two_inputs(draw: Draw) -> Case:
    """Two inputs through one kernel, in either order."""
    one, two, hidden, turned = draw.one_of((3, 4)), draw.one_of((3, 5)), draw.one_of((4, 6)), draw.one_of((False, True))
    both, last = draw.named("both", "out")

    def port(params: Tree, x: jax.Array, y: jax.Array) -> jax.Array:
        joined = jnp.concatenate([y, x] if turned else [x, y], -1)
        return dense(params, last, jnp.tanh(dense(params, both, joined)))

    def convert(arrays: Arrays) -> Arrays:
        parts = [arrays["a.weight"].T, arrays["b.weight"].T]
        kernel = np.concatenate(parts[::-1] if turned else parts)
        return {f"{both}/kernel": kernel, f"{both}/bias": arrays["a.bias"] + arrays["b.bias"]} | linear(
            arrays, "out", last
        )

    reference = shaken(TwoInputs(one, two, hidden), draw.rng)
    form = f"two inputs through one kernel, {'the second first' if turned else 'in order'}"
    summed = {f"{both}/bias": ("a.bias", "b.bias")}
    return Case(form, reference, port, convert, (draw.floats(4, one), draw.floats(4, two)), summed=summed)


class Heads(nn.Module):
    def __init__(self, into: int, sizes: tuple[int, ...]) -> None:
        super().__init__()
        self.body = nn.Linear(into, 6)
        self.heads = nn.ModuleList([nn.Linear(6, size) for size in sizes])

    def forward(self, x: torch.Tensor) -> tuple[torch.Tensor, ...]:
        x = torch.relu(self.body(x))
        return tuple(head(x) for head in self.heads)


def heads(draw: Draw) -> Case:
    """Several heads as one kernel whose result is cut."""
    sizes = draw.one_of(((4, 1), (3, 3), (2, 4, 1)))
    body, joined = draw.named("body", "heads")

    def port(params: Tree, x: jax.Array) -> list[jax.Array]:
        made = dense(params, joined, jax.nn.relu(dense(params, body, x)))
        return jnp.split(made, np.cumsum(sizes)[:-1], -1)

    def convert(arrays: Arrays) -> Arrays:
        kernel = np.concatenate([arrays[f"heads.{at}.weight"].T for at in range(len(sizes))], -1)
        bias = np.concatenate([arrays[f"heads.{at}.bias"] for at in range(len(sizes))])
        return {f"{joined}/kernel": kernel, f"{joined}/bias": bias} | linear(arrays, "body", body)

    reference = shaken(Heads(5, sizes), draw.rng)
    return Case("heads joined", reference, port, convert, (draw.floats(4, 5),))


class Recurrent(nn.Module):
    def __init__(self, into: int, hidden: int) -> None:
        super().__init__()
        self.rnn, self.out = nn.LSTM(into, hidden, batch_first=True), nn.Linear(hidden, 3)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.out(self.rnn(x)[0][:, -1])


def recurrent(draw: Draw) -> Case:
    """An LSTM with one kernel over input and state, its gates in some order, with or without 1 added to one of them."""
    into, hidden, order, forget = draw.one_of((3, 4)), draw.one_of((4, 5)), draw.one_of(("ifgo", "igfo", "fiog")), 0.0
    forget = 1.0 if order == "igfo" and draw.one_of((True, False)) else 0.0
    cell, last = draw.named("lstm", "out")

    def port(params: Tree, x: jax.Array) -> jax.Array:
        def step(carry: tuple[jax.Array, jax.Array], now: jax.Array) -> tuple[tuple[jax.Array, jax.Array], None]:
            h, c = carry
            made = dense(params, cell, jnp.concatenate([now, h], -1))
            gates = dict(zip(order, jnp.split(made, 4, -1), strict=True))
            c = jax.nn.sigmoid(gates["f"] + forget) * c + jax.nn.sigmoid(gates["i"]) * jnp.tanh(gates["g"])
            return (jax.nn.sigmoid(gates["o"]) * jnp.tanh(c), c), None

        zeros = jnp.zeros((x.shape[0], hidden), x.dtype)
        return dense(params, last, jax.lax.scan(step, (zeros, zeros), x.swapaxes(0, 1))[0][0])

    def convert(arrays: Arrays) -> Arrays:
        def ordered(array: np.ndarray) -> np.ndarray:
            parts = dict(zip("ifgo", np.split(array, 4), strict=True))
            return np.concatenate([parts[gate] for gate in order])

        kernel = np.concatenate([ordered(arrays[f"rnn.weight_{one}_l0"]).T for one in ("ih", "hh")])
        bias = ordered(arrays["rnn.bias_ih_l0"] + arrays["rnn.bias_hh_l0"])
        at = order.index("f") * hidden
        bias[at : at + hidden] -= forget
        return {f"{cell}/kernel": kernel, f"{cell}/bias": bias} | linear(arrays, "out", last)

    reference = shaken(Recurrent(into, hidden), draw.rng)
    form = f"LSTM through one kernel{', 1 added to a gate' if forget else ''}"
    summed = {} if forget else {f"{cell}/bias": ("rnn.bias_ih_l0", "rnn.bias_hh_l0")}
    return Case(
        form, reference, port, convert, (draw.floats(3, 4, into),), packed={f"{cell}/kernel": 4}, summed=summed,
        forget=(f"{cell}/bias",) if forget else (),
    )  # fmt: skip


class Convolved(nn.Module):
    def __init__(self, channels: int, end: str, size: int) -> None:
        super().__init__()
        self.end, self.conv = end, nn.Conv2d(3, channels, 3, padding=1)
        self.norm = nn.BatchNorm2d(channels)
        if end == "product":
            self.mix = nn.Parameter(torch.empty(channels, channels))
        if end == "flatten":
            self.head = nn.Linear(channels * size * size, 4)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        y = torch.relu(self.norm(self.conv(x)))
        if self.end == "upsampling":
            return nn.functional.interpolate(y, scale_factor=2, mode="nearest")
        if self.end == "resizing":
            return nn.functional.interpolate(y, scale_factor=2, mode="bilinear", align_corners=False)
        if self.end == "pixel shuffle":
            return nn.functional.pixel_shuffle(y, 2)
        if self.end == "product":
            return torch.einsum("bchw,cd->bdhw", y, self.mix)
        return self.head(y.flatten(1)) if self.end == "flatten" else y


def convolved(draw: Draw) -> Case:
    """Channels last on the port's side, to the very end, or flattened there."""
    end = draw.one_of(("upsampling", "resizing", "pixel shuffle", "product", "plain", "flatten", "flatten"))
    channels, size = draw.one_of((4, 8)), draw.one_of((4, 6, 8))
    kernel, norm, mix, head = draw.named("conv", "norm", "mix", "head")

    def port(params: Tree, x: jax.Array) -> jax.Array:
        dims = ("NHWC", "HWIO", "NHWC")
        y = jax.lax.conv_general_dilated(x, params[kernel]["kernel"], (1, 1), "SAME", dimension_numbers=dims)
        own = params[norm]
        y = y + params[kernel]["bias"]
        y = jax.nn.relu((y - own["mean"]) * jax.lax.rsqrt(own["var"] + 1e-5) * own["scale"] + own["shift"])
        rows, high, wide, deep = y.shape
        if end == "upsampling":
            return y.repeat(2, 1).repeat(2, 2)
        if end == "resizing":
            return jax.image.resize(y, (rows, 2 * high, 2 * wide, deep), "bilinear")
        if end == "pixel shuffle":
            y = y.reshape(rows, high, wide, deep // 4, 2, 2).transpose(0, 1, 4, 2, 5, 3)
            return y.reshape(rows, 2 * high, 2 * wide, deep // 4)
        if end == "product":
            return jnp.einsum("bhwc,cd->bhwd", y, params[mix]["kernel"])
        return dense(params, head, y.reshape(rows, -1)) if end == "flatten" else y

    def convert(arrays: Arrays) -> Arrays:
        made = {f"{kernel}/kernel": arrays["conv.weight"].transpose(2, 3, 1, 0), f"{kernel}/bias": arrays["conv.bias"]}
        made |= {f"{norm}/scale": arrays["norm.weight"], f"{norm}/shift": arrays["norm.bias"]}
        made |= {f"{norm}/mean": arrays["norm.running_mean"], f"{norm}/var": arrays["norm.running_var"]}
        if end == "product":
            made[f"{mix}/kernel"] = arrays["mix"]
        if end == "flatten":
            flat = arrays["head.weight"].reshape(4, channels, size, size).transpose(2, 3, 1, 0)
            made |= {f"{head}/kernel": flat.reshape(-1, 4), f"{head}/bias": arrays["head.bias"]}
        return made

    reference = shaken(Convolved(channels, end, size), draw.rng)
    return Case(
        f"channels last, {end}", reference, port, convert, (draw.floats(2, 3, size, size),),
        flat=(f"{head}/kernel",) if end == "flatten" else (), kernels=(f"{kernel}/kernel",),
        axes=None if end == "flatten" else (0, 3, 1, 2),
    )  # fmt: skip


FORMS: tuple[Callable[[Draw], Case], ...] = (
    stacked, ensemble, attention, two_inputs, heads, recurrent, convolved, convolved, attention,
)  # fmt: skip


def case(seed: int, number: int) -> Case:
    """A pure function of both."""
    draw = Draw(np.random.default_rng([seed, number]))
    return FORMS[number % len(FORMS)](draw)
