"""Faults of a port: each turns a sound network into a faulty one, or says that it has no place in it.

They are taken from real ports: defaults that differ between the frameworks, layouts, masks, what a gradient must not
pass, and numbers that are off by a little. The size of a numeric fault is log-uniform between 1e-8 and 1.
"""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np

from benchmarks.study.network import Edit, Loss, Network, Op, layers, shapes

Rng = np.random.Generator
Fault = Callable[[Network, Rng], Network | None]
FAULTS: dict[str, Fault] = {}
OF_LAYOUT = ("square weight transposed", "flatten order")  # what a weight map can make up for


def size_of(rng: Rng) -> float:
    """Relative, log-uniform between 1e-8 and 1."""
    return float(10 ** rng.uniform(-8, 0))


def _pick(network: Network, rng: Rng, fits: Callable[[Op], bool]) -> int | None:
    places = [index for index, op in enumerate(network.ops) if fits(op)]
    return places[int(rng.integers(len(places)))] if places else None


def with_op(network: Network, at: int, *ops: Op) -> Network:
    """The network with ``ops`` in place of the one ``at``."""
    return replace(network, ops=(*network.ops[:at], *ops, *network.ops[at + 1 :]))


def change(
    name: str, fits: Callable[[Op], bool], how: Callable[[Op, float], dict[str, Any]], mode: str | None = None
) -> None:
    """A fault that changes an operation's settings: ``how`` makes them from the operation and a drawn size."""

    def fault(network: Network, rng: Rng) -> Network | None:
        at = _pick(network, rng, fits) if mode in (None, network.mode) else None
        return None if at is None else with_op(network, at, network.ops[at].but(**how(network.ops[at], size_of(rng))))

    FAULTS[name] = fault


def edit(name: str, what: str, fits: Callable[[Op, str, tuple[int, ...]], bool], sized: bool = False) -> None:
    """A fault that changes one array of a layer with parameters."""

    def fault(network: Network, rng: Rng) -> Network | None:
        places = [
            (op.name, leaf)
            for op in layers(network.ops)
            if op.kind in ("dense", "conv", "embed") or (op.kind == "norm" and op["style"] != "batch") or op.get("by_hand")
            for leaf, shape in shapes(op).items()
            if fits(op, leaf, shape)
        ]  # fmt: skip
        if not places:
            return None
        layer, leaf = places[int(rng.integers(len(places)))]
        return replace(network, edit=Edit(layer, leaf, what, size_of(rng) if sized else 0.0))

    FAULTS[name] = fault


def insert(name: str, what: str, sized: bool = True) -> None:
    """A fault that changes an activation after a random floating operation."""

    def fault(network: Network, rng: Rng) -> Network | None:
        at = int(rng.integers(len(network.ops)))
        return with_op(network, at, network.ops[at], Op("edit", "", {"edit": (what, size_of(rng) if sized else 0.0)}))

    FAULTS[name] = fault


def loss(name: str, fits: Callable[[Loss], bool], how: Callable[[Loss, float], dict[str, Any]]) -> None:
    """A fault of the port's loss."""

    def fault(network: Network, rng: Rng) -> Network | None:
        if network.loss is None or not fits(network.loss):
            return None
        return replace(network, loss=replace(network.loss, **how(network.loss, size_of(rng))))

    FAULTS[name] = fault


def kind(*kinds: str, **settings: Any) -> Callable[[Op], bool]:
    """Fits an operation of one of ``kinds`` that has these settings."""
    return lambda op: op.kind in kinds and all(op.get(key) == value for key, value in settings.items())


def act(*names: str) -> Callable[[Op], bool]:
    return lambda op: op.kind == "act" and (not names or op["fn"] in names)


def norm(*styles: str) -> Callable[[Op], bool]:
    return lambda op: op.kind == "norm" and op["style"] in styles


# Norms.
change("epsilon 1e-6 for 1e-5", lambda op: op.kind == "norm" and op["eps"] == 1e-5, lambda op, size: {"eps": 1e-6})
change("epsilon off", kind("norm"), lambda op, size: {"eps": op["eps"] * (1 + size)})
change("epsilon outside the root", norm("layer", "rms", "group"), lambda op, size: {"eps_outside": True})
change("unbiased variance", norm("layer", "group"), lambda op, size: {"ddof": 1})
change("norm over another axis", norm("layer", "rms"), lambda op, size: {"axis": (0,)})
change("norm over two axes", norm("layer", "rms"), lambda op, size: {"axis": (0, -1)})
change("mean not taken off", norm("layer"), lambda op, size: {"uncentred": True})
change("RMS norm centred", norm("rms"), lambda op, size: {"centred": True})
change("scale plus one", norm("layer", "rms"), lambda op, size: {"plus_one": True})
change("variance not differentiated", norm("layer", "rms", "group"), lambda op, size: {"stop": True})
change(
    "number of groups",
    lambda op: op.kind == "norm" and op["style"] == "group" and op["width"] % 2 == 0,
    lambda op, size: {"groups": 2 if op["groups"] != 2 else 1},
)
# Activations.
change("tanh GELU for exact", act("gelu"), lambda op, size: {"fn": "gelu_tanh"})
change("exact GELU for tanh", act("gelu_tanh"), lambda op, size: {"fn": "gelu"})
change("sigmoid GELU", act("gelu", "gelu_tanh"), lambda op, size: {"fn": "gelu_sigmoid"})
change("negative slope", act("leaky_relu"), lambda op, size: {"slope": op["slope"] * (1 + size)})
change("leaky for ReLU", act("relu"), lambda op, size: {"fn": "leaky_relu", "slope": 0.01})
change("ReLU6 for ReLU", act("relu"), lambda op, size: {"fn": "relu6"})
change("CELU for ELU", act("elu", "selu"), lambda op, size: {"fn": "celu"})
change("hard sigmoid", act("sigmoid"), lambda op, size: {"fn": "hard_sigmoid"})
change("hard swish for SiLU", act("silu"), lambda op, size: {"fn": "hard_swish"})
change("softplus without its threshold", act("softplus"), lambda op, size: {"fn": "softplus_smooth"})
change("activation missing", act(), lambda op, size: {"fn": "identity"})
# Convolutions, pools, what follows.
change(
    "padding SAME with stride 2",
    lambda op: op.kind == "conv" and op["stride"] == 2 and op["kernel"][0] == 3 and op["padding"] == 1 == op["dilation"],
    lambda op, size: {"named_padding": "SAME"},
)  # fmt: skip
change(
    "zeros for circular padding, or the reverse",
    lambda op: op.kind == "conv" and op["kernel"][0] == 3 and op["padding"] == 1 == op["stride"] == op["dilation"],
    lambda op, size: {"circular": not op["circular"]},
)
change("maximum for mean pool, or the reverse", kind("pool"), lambda op, size: {"style": {"avg": "max", "max": "avg"}[op["style"]]})  # fmt: skip
change("flatten order", kind("flatten"), lambda op, size: {"channels_last": True})
change("sum for mean over positions", kind("mean"), lambda op, size: {"sum": True})
change("maximum over positions", kind("mean"), lambda op, size: {"max": True})
change("wrong step taken", kind("last"), lambda op, size: {"step": 0})
# Constants.
change("constant off", kind("times"), lambda op, size: {"by": op["by"] * (1 + size)})
change("constant missing", kind("times"), lambda op, size: {"by": 1.0})
change("input's mean off", kind("whiten"), lambda op, size: {"mean": op["mean"] * (1 + size)})
change("residual missing", kind("add"), lambda op, size: {"carried": 0.0})
change("residual branch scaled", kind("add"), lambda op, size: {"by": 1 + size})
change("softmax over another axis", kind("softmax"), lambda op, size: {"axis": 0})
# Attention.
change("scale of attention", kind("attention"), lambda op, size: {"scale": 1 + size})
change("scale 1/d for 1/sqrt(d)", kind("attention"), lambda op, size: {"power": 1.0})
change("scale missing", kind("attention"), lambda op, size: {"power": 0.0})
change("scale of the whole width", lambda op: op.kind == "attention" and op["heads"] > 1, lambda op, size: {"scale": op["heads"] ** -0.5})  # fmt: skip
change("mask missing", kind("attention", causal=True), lambda op, size: {"causal": False})
change("mask off by one", kind("attention", causal=True), lambda op, size: {"diagonal": 1})
change("mask too weak", kind("attention", causal=True), lambda op, size: {"fill": -10.0})
change("softmax over the queries", kind("attention", causal=False), lambda op, size: {"softmax_axis": -2})
change("query and key swapped", kind("attention"), lambda op, size: {"letters": "kqv"})
change("key and value swapped", kind("attention"), lambda op, size: {"letters": "qvk"})
change("heads split the other way", lambda op: op.kind == "attention" and op["heads"] > 1, lambda op, size: {"heads_last": True})  # fmt: skip
change("heads not merged", lambda op: op.kind == "attention" and op["heads"] > 1, lambda op, size: {"unmerged": True})
change("weights not differentiated", kind("attention"), lambda op, size: {"stop": True})
change("rotary missing", kind("attention", rotary=True), lambda op, size: {"rotary_missing": True})
change("rotary interleaved", lambda op: op.kind == "attention" and op["rotary"] and op["width"] // op["heads"] > 2, lambda op, size: {"interleaved": True})  # fmt: skip
change("rotary the other way round", kind("attention", rotary=True), lambda op, size: {"sign": True})
change("rotary base off", kind("attention", rotary=True), lambda op, size: {"base": op["base"] * (1 + size)})
change("rotary of the query shifted", kind("attention", rotary=True), lambda op, size: {"query_offset": 1.0})
change("gate and value swapped", kind("gated"), lambda op, size: {"letters": ("w3", "w1")})
change("positions shifted", kind("position"), lambda op, size: {"shifted": 1})
# Recurrent layers.
change("LSTM's gates in another order", kind("lstm", by_hand=True), lambda op, size: {"order": "ifog"})
change("LSTM's first two gates swapped", kind("lstm", by_hand=True), lambda op, size: {"order": "figo"})
change("LSTM's forget gate biased", kind("lstm", by_hand=True), lambda op, size: {"forget_bias": size})
change("LSTM's state without tanh", kind("lstm", by_hand=True), lambda op, size: {"bare_state": True})
change("GRU's reset before the product", kind("gru"), lambda op, size: {"reset_before": True})
change("GRU's update gate swapped", kind("gru"), lambda op, size: {"update_swapped": True})
change("GRU's gates in another order", kind("gru"), lambda op, size: {"order": "zrn"})
change("recurrent start not zero", kind("lstm", "gru", by_hand=True), lambda op, size: {"start": size})
# Training.
change("dropout forgotten", kind("dropout"), lambda op, size: {"deterministic": True}, mode="train")
change("running statistics in training", norm("batch"), lambda op, size: {"running": True}, mode="train")
change("momentum 0.99 for 0.9", norm("batch"), lambda op, size: {"momentum": 0.99}, mode="train")
# Weights.
edit("square weight transposed", "transposed", lambda op, leaf, shape: leaf.endswith("kernel") and len(shape) == 2 and shape[0] == shape[1])  # fmt: skip
edit("bias dropped", "dropped", lambda op, leaf, shape: leaf.endswith("bias"))
edit("bias added twice", "twice", lambda op, leaf, shape: leaf.endswith("bias"))
edit("bias gradient stopped", "stopped", lambda op, leaf, shape: leaf.endswith("bias"))
edit("kernel mirrored", "mirrored", lambda op, leaf, shape: op.kind == "conv" and op["kernel"][0] > 1)
edit("weight negated", "negated", lambda op, leaf, shape: not leaf.endswith("bias"))
edit("weight scaled", "scaled", lambda op, leaf, shape: True, sized=True)
edit("one weight's entry off", "entry", lambda op, leaf, shape: op.kind != "embed", sized=True)
edit("one weight's gradient scaled", "steep", lambda op, leaf, shape: True, sized=True)
edit("weight rounded", "rounded", lambda op, leaf, shape: leaf.endswith("kernel"), sized=True)
edit("weight's gradient partly stopped", "half_stopped", lambda op, leaf, shape: True, sized=True)
edit("weight's gradient stopped", "stopped", lambda op, leaf, shape: not leaf.endswith("bias"))
# Activations, anywhere.
insert("activation scaled", "scaled")
insert("gradient scaled on its way", "steep")
insert("gradient stopped", "stopped", sized=False)
insert("rows of the batch leak", "rows_leak")
insert("features in another order", "rolled", sized=False)
# Losses.
loss("sum for mean, or the reverse", lambda one: True, lambda one, size: {"reduction": {"sum": "mean", "mean": "sum"}[one.reduction]})  # fmt: skip
loss("half the squares", lambda one: one.kind == "mse", lambda one, size: {"fault": "half"})
loss("mean over the rows only", lambda one: one.kind != "cross_entropy", lambda one, size: {"fault": "by_rows"})
loss("labels shifted", lambda one: True, lambda one, size: {"fault": "labels_shifted"})
loss("one row dropped from the loss", lambda one: True, lambda one, size: {"fault": "row_dropped"})
loss("outputs scaled in the loss", lambda one: one.kind in ("mse", "bce"), lambda one, size: {"fault": "scaled", "setting": size})  # fmt: skip
loss("softmax before cross-entropy", lambda one: one.kind == "cross_entropy", lambda one, size: {"fault": "double_softmax"})  # fmt: skip
loss("label smoothing off", lambda one: one.kind == "cross_entropy", lambda one, size: {"setting": one.setting + size * 0.5})  # fmt: skip
loss("Huber's delta off", lambda one: one.kind == "huber", lambda one, size: {"setting": one.setting * (1 + size)})


def plant(network: Network, rng: Rng) -> tuple[str, Network]:
    """The network with one fault, drawn from those that have a place in it."""
    names = list(FAULTS)
    for index in rng.permutation(len(names)):
        faulty = FAULTS[names[index]](network, rng)
        if faulty is not None:
            return names[index], faulty
    raise AssertionError("the faults of a weight have a place in every network")
