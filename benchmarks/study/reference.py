"""The reference's side of the study: a network's operations in PyTorch, and its weights."""

import math
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from benchmarks.study.network import Loss, Network, Op, layers


class Net(nn.Module):
    """A network as an ``nn.Module`` with one attribute for each layer."""

    def __init__(self, network: Network) -> None:
        super().__init__()
        self.ops, self.spatial = network.ops, network.spatial
        for op in layers(network.ops):
            if op.kind == "position":
                self.register_parameter(op.name, nn.Parameter(torch.zeros(op["steps"], op["width"])))
            else:
                self.add_module(op.name, _layer(op, network.spatial))
        for index, op in enumerate(network.ops):
            if op.kind == "dropout":
                self.add_module(f"drop{index}", nn.Dropout(op["rate"]))

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
                x = self.apply_op(op, x)
        return x

    def apply_op(self, op: Op, x: Tensor) -> Tensor:
        if op.kind == "norm":
            return self._norm(op, x)
        if op.kind in ("lstm", "gru"):
            return getattr(self, op.name)(x)[0]
        if op.kind == "position":
            return x + getattr(self, op.name)
        if op.kind == "attention":
            return self._attention(op, x)
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

    def _attention(self, op: Op, x: Tensor) -> Tensor:
        q, k, v = (
            getattr(self, f"{op.name}_{letter}")(x).unflatten(-1, (op["heads"], -1)).transpose(1, 2) for letter in "qkv"
        )
        if op["rotary"]:
            q, k = rotated(q, op), rotated(k, op)
        if op["fused"]:
            y = F.scaled_dot_product_attention(q, k, v, is_causal=op["causal"])
        else:
            scores = q @ k.transpose(-2, -1) / math.sqrt(q.shape[-1])
            if op["causal"]:
                future = torch.ones(x.shape[1], x.shape[1], dtype=torch.bool, device=x.device).triu(1)
                scores = scores.masked_fill(future, float("-inf"))
            y = scores.softmax(-1) @ v
        return getattr(self, f"{op.name}_o")(y.transpose(1, 2).flatten(2))


def rotated(x: Tensor, op: Op) -> Tensor:
    """Rotary positions of (batch, heads, steps, features), in halves."""
    dtype = torch.float32 if op["island_reference"] else x.dtype
    half = x.shape[-1] // 2
    speeds = op["base"] ** (-torch.arange(half, dtype=dtype) / half)
    angles = torch.arange(x.shape[-2], dtype=dtype)[:, None] * speeds
    cos, sin = angles.cos().to(x.dtype), angles.sin().to(x.dtype)
    first, second = x.chunk(2, -1)
    return torch.cat([first * cos - second * sin, second * cos + first * sin], -1)


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
            drawn = rng.standard_normal(tuple(parameter.shape))
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
