"""The layers of a network as Flax Linen and as Flax NNX hold them."""

from functools import partial
from typing import Any

import jax.numpy as jnp
from flax import linen, nnx
from jax import Array

from benchmarks.study.network import CELLS, Network, Op, layers, shapes
from benchmarks.study.port import forward

MOMENTUM = 0.9  # Flax weighs the old statistic, torch the new one by 0.1


class Held(linen.Module):
    """The arrays of a layer that is written out; a name with a slash is a layer inside."""

    shapes: Any
    dtype: Any = jnp.float32

    @linen.compact
    def __call__(self) -> dict[str, Array]:
        made: dict[str, Array] = {}
        inner: dict[str, dict[str, tuple[int, ...]]] = {}
        for name, shape in self.shapes.items():
            group, _, leaf = name.rpartition("/")
            if group:
                inner.setdefault(group, {})[leaf] = shape
            else:
                made[name] = self.param(name, linen.initializers.normal(), shape, self.dtype)
        for group, leaves in inner.items():
            made |= {f"{group}/{leaf}": array for leaf, array in Held(leaves, name=group)().items()}
        return made


class LinenLayers:
    """Makes a layer where it is called, inside the network's compact method."""

    def __init__(self, network: Network, train: bool) -> None:
        self.network, self.train = network, train

    def __call__(self, op: Op, x: Array) -> Array:
        if op.kind == "norm" and op["style"] == "batch":
            average = op.get("running", not self.train)
            momentum = op.get("momentum", MOMENTUM)
            return linen.BatchNorm(average, momentum=momentum, epsilon=op["eps"], name=op.name)(x)
        return _linen(op)(x)

    def arrays(self, op: Op) -> dict[str, Array]:
        return Held(shapes(op), _dtype(op), name=op.name)()

    def dropout(self, op: Op, x: Array) -> Array:
        return linen.Dropout(op["rate"])(x, deterministic=op.get("deterministic", not self.train))


class LinenNet(linen.Module):
    """The port as a Linen module."""

    network: Network

    @linen.compact
    def __call__(self, x: Array, train: bool = False) -> Array:
        return forward(self.network, LinenLayers(self.network, train), x)


def _linen(op: Op) -> Any:
    if op.kind == "dense":
        return linen.Dense(op["out"], use_bias=op["bias"], dtype=_lower(op), name=op.name)
    if op.kind == "conv":
        return linen.Conv(op["out"], name=op.name, **_conv(op))
    if op.kind == "embed":
        return linen.Embed(op["vocabulary"], op["width"], name=op.name)
    if op.kind in CELLS:
        cell = {"lstm": linen.LSTMCell if op["apart"] else linen.OptimizedLSTMCell, "gru": linen.GRUCell}[op.kind]
        return linen.RNN(cell(op["hidden"], name=op.name), reverse=op.get("reverse", False), keep_order=True)
    if op["style"] == "group":
        return linen.GroupNorm(op["groups"], epsilon=op["eps"], use_fast_variance=op["fast"], name=op.name)
    kind = linen.RMSNorm if op["style"] == "rms" else linen.LayerNorm
    return kind(epsilon=op["eps"], use_fast_variance=op["fast"], name=op.name)


def _dtype(op: Op) -> Any:
    return jnp.complex64 if op.get("complex") else jnp.float32


def _lower(op: Op) -> Any:
    return jnp.bfloat16 if op.get("low_port") == "module" else None


def _conv(op: Op) -> dict[str, Any]:
    size = len(op["kernel"])
    padding: Any = op.get("named_padding") or ("CIRCULAR" if op["circular"] else [(op["padding"],) * 2] * size)
    return {
        "kernel_size": op["kernel"], "strides": (op["stride"],) * size, "padding": padding, "use_bias": op["bias"],
        "kernel_dilation": (op["dilation"],) * size, "feature_group_count": op["groups"],
    }  # fmt: skip


class Table(nnx.Module):
    """One array of an NNX network."""

    def __init__(self, op: Op) -> None:
        self.table = nnx.Param(jnp.zeros(shapes(op)["table"], _dtype(op)))


class GRU(nnx.Module):
    """The arrays of a GRU; ``nnx.GRUCell`` lacks the candidate's second bias."""

    def __init__(self, into: int, hidden: int, rngs: nnx.Rngs) -> None:
        for gate in CELLS["gru"][0]:
            setattr(self, f"i{gate}_" if gate == "n" else f"i{gate}", nnx.Linear(into, hidden, rngs=rngs))
            setattr(self, f"h{gate}", nnx.Linear(hidden, hidden, use_bias=gate == "n", rngs=rngs))


class NNXNet(nnx.Module):
    """The port as an NNX module with one attribute for each layer."""

    def __init__(self, network: Network, rngs: nnx.Rngs) -> None:
        self.network = Static(network)
        for op in layers(network.ops):
            setattr(self, op.name, _nnx(op, rngs))
        for index, op in enumerate(network.ops):
            if op.kind == "dropout":
                setattr(self, f"drop{index}", nnx.Dropout(op["rate"], rngs=rngs))

    def __call__(self, x: Array) -> Array:
        return forward(self.network.value, NNXLayers(self), x)


class Static:
    """A network as an attribute that NNX leaves alone: equal only to itself."""

    def __init__(self, value: Network) -> None:
        self.value = value


class NNXLayers:
    """Calls the layers that the network holds."""

    def __init__(self, module: NNXNet) -> None:
        self.module = module
        self._dropped = (i for i, op in enumerate(module.network.value.ops) if op.kind == "dropout")

    def __call__(self, op: Op, x: Array) -> Array:
        layer = getattr(self.module, op.name)
        if op.kind == "norm" and op["style"] == "batch" and "running" in op.settings:
            return layer(x, use_running_average=op["running"])
        if op.kind == "lstm":
            return nnx.RNN(layer)(x)
        return layer(x)

    def arrays(self, op: Op) -> dict[str, Array]:
        layer = getattr(self.module, op.name)
        found = {}
        for name in shapes(op):
            group, _, leaf = name.rpartition("/")
            inner = getattr(layer, group, None) or getattr(layer, f"{group}_") if group else layer
            found[name] = getattr(inner, leaf)[...]
        return found

    def dropout(self, op: Op, x: Array) -> Array:
        layer = getattr(self.module, f"drop{next(self._dropped)}")
        return layer(x, deterministic=op["deterministic"]) if "deterministic" in op.settings else layer(x)


def _nnx(op: Op, rngs: nnx.Rngs) -> Any:
    if op.kind == "dense":
        return nnx.Linear(op["into"], op["out"], use_bias=op["bias"], dtype=_lower(op), rngs=rngs)
    if op.kind == "conv":
        return nnx.Conv(op["into"], op["out"], rngs=rngs, **_conv(op))
    if op.kind == "embed":
        return nnx.Embed(op["vocabulary"], op["width"], rngs=rngs)
    if op.kind in ("position", "fourier"):
        return Table(op)
    if op.kind == "gru":
        return GRU(op["into"], op["hidden"], rngs)
    if op.kind == "lstm":
        kind = nnx.LSTMCell if op["apart"] or op.get("by_hand") else nnx.OptimizedLSTMCell
        normal = linen.initializers.normal()  # the orthogonal default needs SciPy, and no drawn value is used
        return kind(op["into"], op["hidden"], recurrent_kernel_init=normal, rngs=rngs)
    width, eps = op["width"], op["eps"]
    if op["style"] == "batch":
        return nnx.BatchNorm(width, momentum=op.get("momentum", MOMENTUM), epsilon=eps, rngs=rngs)
    if op["style"] == "group":
        return nnx.GroupNorm(width, op["groups"], epsilon=eps, use_fast_variance=op["fast"], rngs=rngs)
    kind = nnx.RMSNorm if op["style"] == "rms" else nnx.LayerNorm
    return partial(kind, width, epsilon=eps, use_fast_variance=op["fast"], rngs=rngs)()


def port(network: Network) -> Any:
    """The port in the network's flavour."""
    return LinenNet(network) if network.flavour == "linen" else NNXNet(network, nnx.Rngs(params=0, dropout=0))
