"""The reference's side of the study: a network's operations in PyTorch, and its weights."""

import math
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from benchmarks.study.network import Loss, Network, Op, layers, shapes


class Net(nn.Module):
    """A network as an ``nn.Module`` with one attribute for each layer."""

    def __init__(self, network: Network) -> None:
        super().__init__()
        self.network, self.ops, self.spatial = network, network.ops, network.spatial
        for op in layers(network.ops):
            if op.kind in ("position", "fourier"):
                dtype = torch.cfloat if op.get("complex") else torch.float32
                self.register_parameter(op.name, nn.Parameter(torch.zeros(*shapes(op)["table"], dtype=dtype)))
            else:
                self.add_module(op.name, _layer(op, network.spatial))
        for index, op in enumerate(network.ops):
            if op.kind == "dropout":
                self.add_module(f"drop{index}", nn.Dropout(op["rate"]))
            self._hold(f"table{index}", op)

    def _hold(self, name: str, op: Op) -> None:
        """The float32 tables of an operation that holds any, under a name that its settings give."""
        if op.get("held") is None:
            return
        made = sinusoid(op, torch.float32) if op.kind == "sinusoid" else rotary_table(op, op["steps"], torch.float32)
        if op["held"][0] == "parameter":
            self.register_parameter(name, nn.Parameter(made, requires_grad=False))
        else:
            self.register_buffer(name, made, persistent=False)

    def forward(self, x: Tensor) -> Tensor:
        kept: list[Tensor] = []
        for index, op in enumerate(self.ops):
            if op.kind == "push":
                kept.append(x)
            elif op.kind == "add":
                x = x + kept.pop()
            elif op.kind == "dropout":
                x = getattr(self, f"drop{index}")(x)
            else:
                x = self.apply_op(op, x, getattr(self, f"table{index}", None))
        return x

    def apply_op(self, op: Op, x: Tensor, table: Tensor | None) -> Tensor:
        if op.get("float_before"):
            return getattr(self, op.name)(x.float()).to(x.dtype)
        if op.kind == "norm":
            return self._norm(op, x)
        if op.kind in ("lstm", "gru"):
            return getattr(self, op.name)(x)[0]
        if op.kind == "position":
            return x + getattr(self, op.name)
        if op.kind == "sinusoid":
            return x + op["by"] * (sinusoid(op, x.dtype) if table is None else table)
        if op.kind == "fourier":
            return fourier(op, x, getattr(self, op.name))
        if op.kind == "attention":
            return self._attention(op, x, table)
        if op.kind == "coupling":
            scale, shift = (getattr(self, f"{op.name}_{letter}") for letter in "st")
            first, second = x.chunk(2, -1)
            return torch.cat([second * torch.exp(torch.tanh(scale(first))) + shift(first), first], -1)
        if op.get("low_reference"):
            return lowered(op["low_reference"], getattr(self, op.name), x)
        if op.kind == "gated":
            w1, w2, w3 = (getattr(self, f"{op.name}_{letter}") for letter in ("w1", "w2", "w3"))
            return w2(F.silu(w1(x)) * w3(x))
        if op.name:
            return getattr(self, op.name)(x)
        return SIMPLE[op.kind](op, x)

    def _norm(self, op: Op, x: Tensor) -> Tensor:
        layer = getattr(self, op.name)
        if op["style"] == "rms" and op["island_reference"]:
            wide = x.float()
            wide = wide * torch.rsqrt(wide.pow(2).mean(-1, keepdim=True) + op["eps"])
            return layer.weight * wide.to(x.dtype)
        if op["style"] in ("layer", "rms") and self.spatial and x.ndim == self.spatial + 2:
            return layer(x.movedim(1, -1)).movedim(-1, 1)
        return layer(x)

    def _attention(self, op: Op, x: Tensor, table: Tensor | None) -> Tensor:
        q, k, v = (
            getattr(self, f"{op.name}_{letter}")(x).unflatten(-1, (op["heads"], -1)).transpose(1, 2) for letter in "qkv"
        )
        if op["rotary"]:
            q, k = rotated(q, op, table), rotated(k, op, table)
        if op["fused"]:
            y = F.scaled_dot_product_attention(q, k, v, is_causal=op["causal"])
        else:
            scores = q @ k.transpose(-2, -1) / math.sqrt(q.shape[-1])
            if op["causal"] and op.get("finfo"):
                mask = torch.full(scores.shape[-2:], torch.finfo(torch.float32).min, device=x.device).triu(1)
                for _ in range(op["finfo"]):  # a causal mask, and a second for padding
                    scores = scores + mask
            elif op["causal"]:
                future = torch.ones(x.shape[1], x.shape[1], dtype=torch.bool, device=x.device).triu(1)
                scores = scores.masked_fill(future, float("-inf"))
            y = scores.softmax(-1) @ v
        return getattr(self, f"{op.name}_o")(y.transpose(1, 2).flatten(2))


def rotary_table(op: Op, steps: int, dtype: torch.dtype) -> Tensor:
    """Cosines and sines of (steps, half of a head's width), stacked."""
    half = op["width"] // op["heads"] // 2
    speeds = op["base"] ** (-torch.arange(half, dtype=dtype) / half)
    angles = torch.arange(steps, dtype=dtype)[:, None] * speeds
    return torch.stack([angles.cos(), angles.sin()])


def rotated(x: Tensor, op: Op, table: Tensor | None = None) -> Tensor:
    """Rotary positions of (batch, heads, steps, features), in halves; by a table that is held, if there is one."""
    if table is None:
        table = rotary_table(op, x.shape[-2], torch.float32 if op["island_reference"] else x.dtype)
    cos, sin = table.to(x.dtype)
    first, second = x.chunk(2, -1)
    return torch.cat([first * cos - second * sin, second * cos + first * sin], -1)


def sinusoid(op: Op, dtype: torch.dtype) -> Tensor:
    """Sinusoid positions of (steps, width): sines, then cosines."""
    half = op["width"] // 2
    speeds = torch.exp(torch.arange(half, dtype=dtype) * (-math.log(op["base"]) / half))
    angles = torch.arange(op["steps"], dtype=dtype)[:, None] * speeds
    return torch.cat([angles.sin(), angles.cos()], -1)


def fourier(op: Op, x: Tensor, weight: Tensor) -> Tensor:
    """The lowest frequencies of (rows, steps, width), each through its own matrix; the others vanish."""
    weight = weight if op["complex"] else torch.view_as_complex(weight)
    spectrum = torch.fft.rfft(x, dim=1)
    kept = torch.einsum("bmi,mio->bmo", spectrum[:, : op["modes"]], weight)
    padded = F.pad(kept, (0, 0, 0, spectrum.shape[1] - op["modes"]))
    return torch.fft.irfft(padded, n=x.shape[1], dim=1)


def lowered(style: str, layer: nn.Linear, x: Tensor) -> Tensor:
    """A layer of which something is in bfloat16: all of it (``module``), its input, or its product (``output``)."""
    if style == "module":
        with torch.autocast("cpu", torch.bfloat16):
            return layer(x).to(x.dtype)
    if style == "input":
        return layer(x.bfloat16().to(x.dtype))
    y = F.linear(x, layer.weight).bfloat16().to(x.dtype)
    return y if layer.bias is None else y + layer.bias


def _layer(op: Op, spatial: int) -> nn.Module:
    if op.kind == "dense":
        return nn.Linear(op["into"], op["out"], bias=op["bias"])
    if op.kind == "conv":
        kind = nn.Conv1d if spatial == 1 else nn.Conv2d
        return kind(
            op["into"], op["out"], op["kernel"], op["stride"], op["padding"], op["dilation"], op["groups"], op["bias"],
            padding_mode="circular" if op["circular"] else "zeros",
        )  # fmt: skip
    if op.kind == "embed":
        return nn.Embedding(op["vocabulary"], op["width"])
    if op.kind in ("lstm", "gru"):
        return (nn.LSTM if op.kind == "lstm" else nn.GRU)(op["into"], op["hidden"], batch_first=True)
    width, eps = op["width"], op["eps"]
    if op["style"] == "layer":
        return nn.LayerNorm(width, eps)
    if op["style"] == "rms":
        return nn.RMSNorm(width, eps)
    if op["style"] == "group":
        return nn.GroupNorm(op["groups"], width, eps)
    return (nn.BatchNorm2d if spatial == 2 else nn.BatchNorm1d)(width, eps)


ACTIVATIONS: dict[str, Any] = {
    "relu": F.relu,
    "gelu": F.gelu,
    "gelu_tanh": lambda x: F.gelu(x, approximate="tanh"),
    "silu": F.silu,
    "tanh": torch.tanh,
    "sigmoid": torch.sigmoid,
    "elu": F.elu,
    "selu": F.selu,
    "softplus": F.softplus,
    "mish": F.mish,
    "hard_swish": F.hardswish,
    "softsign": F.softsign,
}

SIMPLE: dict[str, Any] = {
    "act": lambda op, x: (
        F.leaky_relu(x, op["slope"]) if op["fn"] == "leaky_relu" else ACTIVATIONS[op["fn"]](x)
    ),
    "times": lambda op, x: x * op["by"],
    "whiten": lambda op, x: (x - op["mean"]) / op["std"],
    "pool": lambda op, x: getattr(F, f"{op['style']}_pool{op['spatial']}d")(x, op["window"], op["stride"]),
    "flatten": lambda op, x: x.flatten(1),
    "mean": lambda op, x: x.flatten(2).mean(-1) if op["pixels"] else x.mean(1),
    "last": lambda op, x: x[:, -1],
    "softmax": lambda op, x: x.softmax(-1),
    "standardize": lambda op, x: (x - x.mean(0)) / torch.sqrt(x.var(0, unbiased=False) + op["eps"]),
    "mix": lambda op, x: torch.fft.fft2(x, dim=(-2, -1)).real,
    "only32": lambda op, x: x,
}  # fmt: skip


def loss_of(loss: Loss) -> Any:
    """The loss as a function of (outputs, targets)."""

    def of(outputs: Tensor, targets: Tensor) -> Tensor:
        if loss.kind == "cross_entropy":
            flat = outputs.flatten(0, -2)
            return F.cross_entropy(
                flat, targets.flatten().long(), reduction=loss.reduction, label_smoothing=loss.setting
            )
        if loss.kind == "huber":
            return F.huber_loss(outputs, targets, reduction=loss.reduction, delta=loss.setting)
        named = {"mse": F.mse_loss, "bce": F.binary_cross_entropy_with_logits}
        return named[loss.kind](outputs, targets, reduction=loss.reduction)

    return of


def reference(network: Network) -> Net:
    """The module, its weights drawn by NumPy: matrices by their fan-in, scales around 1, biases around 0."""
    rng = np.random.default_rng([network.seed, 1])
    module = Net(network)
    with torch.no_grad():
        for name, parameter in module.named_parameters():
            if not parameter.requires_grad:  # a table
                continue
            drawn = rng.standard_normal(tuple(parameter.shape))
            if parameter.is_complex():
                drawn = drawn + 1j * rng.standard_normal(tuple(parameter.shape))
            if parameter.ndim > 1:
                drawn *= network.weight_scale / math.sqrt(parameter[0].numel())
            else:
                drawn = drawn * 0.2 * network.weight_scale + (1.0 if name.endswith("weight") else 0.0)
            parameter.copy_(torch.from_numpy(drawn))
        for name, buffer in module.named_buffers():
            if name.endswith("running_mean"):
                buffer.copy_(torch.from_numpy(rng.normal(0, 0.5, tuple(buffer.shape))))
            elif name.endswith("running_var"):
                buffer.copy_(torch.from_numpy(rng.uniform(0.3, 2.0, tuple(buffer.shape))))
    return module
