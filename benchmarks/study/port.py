"""The port's side of the study: a network's operations in JAX, on layers that Linen or NNX hold."""

from typing import Any

import jax
import jax.numpy as jnp
import optax
from flax import linen
from jax import Array

from benchmarks.study import by_hand, tables
from benchmarks.study.network import Loss, Network, Op, part

Layers = Any  # layers(op, x) calls Flax's own layer, layers.arrays(op) are its arrays, layers.dropout(op, x)
NOT_FLAX = {"axis", "ddof", "plus_one", "eps_outside", "uncentred", "centred", "stop"}  # settings of a norm by hand


def forward(network: Network, layers: Layers, x: Array) -> Array:
    """The network's output; ``layers`` hold its parameters."""
    kept: list[Array] = []
    for op in network.ops:
        if op.kind == "push":
            kept.append(x)
        elif op.kind == "add":
            carried = kept.pop() * op.get("carried", 1.0)
            x = carried + x * op.get("by", 1.0)
        else:
            x = apply_op(network, layers, op, x)
        x = by_hand.edited(x, op.get("edit"))
    return x


def apply_op(network: Network, layers: Layers, op: Op, x: Array) -> Array:
    """One operation."""
    if op.kind == "attention":
        return by_hand.attention(op, x, lambda letter, y: _held(network, layers, part(op, letter), y))
    if op.kind == "gated":
        first, second = (_held(network, layers, part(op, letter), x) for letter in op.get("letters", ("w1", "w3")))
        return _held(network, layers, part(op, "w2"), jax.nn.silu(first) * second)
    if op.kind == "coupling":
        first, second = jnp.split(x, 2, -1)
        scale, shift = (_held(network, layers, part(op, letter), first) for letter in "st")
        scale = scale if op.get("unbounded") else jnp.tanh(scale)
        return jnp.concatenate([second * jnp.exp(scale) + shift, first], -1)
    if op.kind == "dropout":
        return layers.dropout(op, x)
    if op.name:
        return _held(network, layers, op, x)
    return SIMPLE[op.kind](op, x, network)


def _held(network: Network, layers: Layers, op: Op, x: Array) -> Array:
    """A layer with parameters: Flax's own, or written out where a fault needs it."""
    if op.kind == "position":
        return x + jnp.roll(layers.arrays(op)["table"], op.get("shifted", 0), axis=0)
    if op.kind == "fourier":
        return by_hand.fourier(op, x, by_hand.with_edit(layers.arrays(op), op, network.edit)["table"])
    if op.get("float_before_port"):
        return _held(network, layers, op.but(float_before_port=False), x.astype(jnp.float32)).astype(x.dtype)
    if op.get("low_port") in ("input", "output"):
        arrays = by_hand.with_edit(layers.arrays(op), op, network.edit)
        return by_hand.lowered(op["low_port"], x, arrays)
    if op.kind == "norm" and op["style"] == "rms" and op["island_port"] and not (NOT_FLAX & set(op.settings)):
        wide = x.astype(jnp.float32)
        wide = wide * jax.lax.rsqrt(jnp.square(wide).mean(-1, keepdims=True) + op["eps"])
        return by_hand.with_edit(layers.arrays(op), op, network.edit)["scale"] * wide.astype(x.dtype)
    is_edited = network.edit is not None and network.edit.layer == op.name
    if is_edited or op.get("by_hand") or (op.kind == "norm" and NOT_FLAX & set(op.settings)):
        arrays = by_hand.with_edit(layers.arrays(op), op, network.edit)
        if op.get("low_port"):
            low = {name: array.astype(jnp.bfloat16) for name, array in arrays.items()}
            return by_hand.layer(op, x.astype(jnp.bfloat16), low).astype(x.dtype)
        return by_hand.layer(op, x, arrays)
    return layers(op, x).astype(x.dtype) if op.get("low_port") else layers(op, x)


def _flatten(op: Op, x: Array, network: Network) -> Array:
    if network.spatial and not op.get("channels_last"):
        x = jnp.moveaxis(x, -1, 1)  # the order of torch's flattened features
    return x.reshape(x.shape[0], -1)


def _pool(op: Op, x: Array, network: Network) -> Array:
    window, stride = (op["window"],) * network.spatial, (op["stride"],) * network.spatial
    return (linen.avg_pool if op["style"] == "avg" else linen.max_pool)(x, window, stride)


def _mean(op: Op, x: Array, network: Network) -> Array:
    axes = tuple(range(1, 1 + network.spatial)) if op["pixels"] else (1,)
    return x.max(axes) if op.get("max") else x.sum(axes) if op.get("sum") else x.mean(axes)


def _only32(op: Op, x: Array, network: Network) -> Array:
    """What a kernel that somebody wrote for one format does."""
    if op["strict"] and x.dtype != jnp.float32:
        raise TypeError(f"this kernel takes float32, and {x.dtype} came")
    return x


def _softplus(x: Array) -> Array:
    return jnp.where(x > 20, x, jax.nn.softplus(jnp.minimum(x, 20)))  # torch is linear from 20 on


ACTIVATIONS: dict[str, Any] = {
    "relu": jax.nn.relu,
    "gelu": lambda x: jax.nn.gelu(x, approximate=False),
    "gelu_tanh": jax.nn.gelu,
    "gelu_sigmoid": lambda x: x * jax.nn.sigmoid(1.702 * x),
    "silu": jax.nn.silu,
    "tanh": jnp.tanh,
    "sigmoid": jax.nn.sigmoid,
    "elu": jax.nn.elu,
    "selu": jax.nn.selu,
    "celu": lambda x: jax.nn.celu(x, 1.5),
    "softplus": _softplus,
    "softplus_smooth": jax.nn.softplus,
    "mish": jax.nn.mish,
    "hard_swish": jax.nn.hard_swish,
    "hard_sigmoid": jax.nn.hard_sigmoid,
    "softsign": jax.nn.soft_sign,
    "relu6": jax.nn.relu6,
    "identity": lambda x: x,
}

SIMPLE: dict[str, Any] = {
    "act": lambda op, x, network: (
        jax.nn.leaky_relu(x, op["slope"]) if op["fn"] == "leaky_relu" else ACTIVATIONS[op["fn"]](x)
    ),
    "times": lambda op, x, network: x * op["by"],
    "whiten": lambda op, x, network: (x - op["mean"]) / op["std"],
    "pool": _pool,
    "flatten": _flatten,
    "mean": _mean,
    "last": lambda op, x, network: x[:, op.get("step", -1)],
    "softmax": lambda op, x, network: jax.nn.softmax(x, op.get("axis", -1)),
    "edit": lambda op, x, network: x,
    "sinusoid": lambda op, x, network: x + op["by"] * tables.sinusoid(op, x.dtype),
    "standardize": lambda op, x, network: (x - x.mean(0)) / jnp.sqrt(x.var(0) + op["eps"]),
    "mix": lambda op, x, network: getattr(jnp.fft.fft2(x, axes=(-2, -1)), op.get("component", "real")),
    "only32": _only32,
}


def loss_of(loss: Loss) -> Any:
    """The loss as a function of (outputs, targets)."""

    def of(outputs: Array, targets: Array) -> Array:
        if loss.fault == "labels_shifted":
            targets = jnp.roll(targets, 1, axis=0)
        if loss.fault == "row_dropped":
            outputs, targets = outputs[1:], targets[1:]
        if loss.fault == "scaled":
            outputs = outputs * (1 + loss.setting)
        values = VALUES[loss.kind](outputs, targets, loss)
        if loss.fault == "half":
            values = values / 2
        total = values.sum() if loss.reduction == "sum" else values.mean()
        return total / outputs.shape[0] if loss.fault == "by_rows" else total

    return of


def _cross_entropy(outputs: Array, targets: Array, loss: Loss) -> Array:
    outputs, targets = outputs.reshape(-1, outputs.shape[-1]), targets.reshape(-1)
    smooth = 0.0 if loss.fault == "scaled" else loss.setting
    if loss.fault == "double_softmax":
        outputs = jax.nn.softmax(outputs)
    labels = optax.smooth_labels(jax.nn.one_hot(targets, outputs.shape[-1], dtype=outputs.dtype), smooth)
    return optax.softmax_cross_entropy(outputs, labels)


VALUES: dict[str, Any] = {
    "cross_entropy": _cross_entropy,
    "mse": lambda outputs, targets, loss: jnp.square(outputs - targets),
    "huber": lambda outputs, targets, loss: optax.huber_loss(outputs, targets, delta=loss.setting),
    "bce": lambda outputs, targets, loss: optax.sigmoid_binary_cross_entropy(outputs, targets),
}
