"""The faults, from real ports: defaults that differ between the frameworks, layouts, masks, what a gradient must not
pass, and numbers that are off by a little.
"""

from benchmarks.study.network import Network, Op
from benchmarks.study.planting import FAULTS, GENERAL, Rng, act, change, edit, insert, kind, loss, norm

OF_PRECISION = (  # nothing to see in float64
    "bfloat16 module in the port alone", "bfloat16 input in the port alone", "bfloat16 output in the port alone",
    "bfloat16 in the reference alone",
)  # fmt: skip
OF_STRANGERS = (
    *OF_PRECISION, "table of base 10001 for 10000", "table of base 10000.1 for 10000", "table shifted by a row",
    "cache written a row late", "epsilon off by 1 %", "coupling without its tanh", "Fourier modes one fewer",
    "Fourier weights conjugated", "imaginary for real part", "rotary base off",
)  # fmt: skip
OF_LAYOUT = ("square weight transposed", "kernel mirrored", "flatten order")  # what a weight map can make up for
SPECIFIC = 0.5  # how often a general fault is the last resort

ATTENTION, ROTARY = kind("attention"), kind("attention", rotary=True)
CAUSAL, OPEN = kind("attention", causal=True), kind("attention", causal=False)
LSTM, GRU = kind("lstm", by_hand=True), kind("gru")
THREE_WIDE = kind("conv", padding=1, dilation=1)  # a kernel of 1 has no padding
EXCHANGED = {"avg": "max", "max": "avg", "sum": "mean", "mean": "sum"}


def several_heads(op: Op) -> bool:
    return ATTENTION(op) and op["heads"] > 1


def rotary_pairs(op: Op) -> bool:
    return ROTARY(op) and op["width"] // op["heads"] > 2


def two_groups(op: Op) -> bool:
    return norm("group")(op) and op["width"] % 2 == 0


def cached(op: Op) -> bool:
    return bool(op.get("cache"))


def holds_table(op: Op) -> bool:
    return bool(op.get("held"))


def is_kernel(op: Op, leaf: str, shape: tuple[int, ...]) -> bool:
    return leaf.endswith("kernel")


def is_bias(op: Op, leaf: str, shape: tuple[int, ...]) -> bool:
    return leaf.endswith("bias")


def is_weight(op: Op, leaf: str, shape: tuple[int, ...]) -> bool:
    return not leaf.endswith("bias")


def is_any(op: Op, leaf: str, shape: tuple[int, ...]) -> bool:
    return True


def is_square(op: Op, leaf: str, shape: tuple[int, ...]) -> bool:
    return leaf.endswith("kernel") and len(shape) == 2 and shape[0] == shape[1]


def is_window(op: Op, leaf: str, shape: tuple[int, ...]) -> bool:
    return op.kind == "conv" and leaf == "kernel" and op["kernel"][0] > 1


# fmt: off
# Norms.
change("epsilon 1e-6 for 1e-5", lambda op: op.kind == "norm" and op["eps"] == 1e-5, lambda op, size: {"eps": 1e-6})
change("epsilon off", kind("norm"), lambda op, size: {"eps": op["eps"] * (1 + size)})
change("epsilon outside the root", norm("layer", "rms", "group"), lambda op, size: {"eps_outside": True})
change("epsilon off by 1 %", kind("norm"), lambda op, size: {"eps": op["eps"] * 1.01})
change("unbiased variance", norm("layer", "group"), lambda op, size: {"ddof": 1})
change("norm over another axis", norm("layer", "rms"), lambda op, size: {"axis": (0,)})
change("norm over two axes", norm("layer", "rms"), lambda op, size: {"axis": (0, -1)})
change("mean not taken off", norm("layer"), lambda op, size: {"uncentred": True})
change("RMS norm centred", norm("rms"), lambda op, size: {"centred": True})
change("scale plus one", norm("layer", "rms"), lambda op, size: {"plus_one": True})
change("variance not differentiated", norm("layer", "rms", "group"), lambda op, size: {"stop": True})
change("number of groups", two_groups, lambda op, size: {"groups": 2 if op["groups"] != 2 else 1})
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
change("padding SAME with stride 2", lambda op: THREE_WIDE(op) and op["stride"] == 2,
       lambda op, size: {"named_padding": "SAME"})
change("zeros for circular padding, or the reverse", lambda op: THREE_WIDE(op) and op["stride"] == 1,
       lambda op, size: {"circular": not op["circular"]})
change("maximum for mean pool, or the reverse", kind("pool"), lambda op, size: {"style": EXCHANGED[op["style"]]})
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
change("scale of attention", ATTENTION, lambda op, size: {"scale": 1 + size})
change("scale 1/d for 1/sqrt(d)", ATTENTION, lambda op, size: {"power": 1.0})
change("scale missing", ATTENTION, lambda op, size: {"power": 0.0})
change("scale of the whole width", several_heads, lambda op, size: {"scale": op["heads"] ** -0.5})
change("mask missing", CAUSAL, lambda op, size: {"causal": False})
change("mask off by one", CAUSAL, lambda op, size: {"diagonal": 1})
change("mask too weak", CAUSAL, lambda op, size: {"fill": -10.0})
change("softmax over the queries", OPEN, lambda op, size: {"softmax_axis": -2})
change("query and key swapped", ATTENTION, lambda op, size: {"letters": "kqv"})
change("key and value swapped", ATTENTION, lambda op, size: {"letters": "qvk"})
change("heads split the other way", several_heads, lambda op, size: {"heads_last": True})
change("heads not merged", several_heads, lambda op, size: {"unmerged": True})
change("weights not differentiated", ATTENTION, lambda op, size: {"stop": True})
change("rotary missing", ROTARY, lambda op, size: {"rotary_missing": True})
change("rotary interleaved", rotary_pairs, lambda op, size: {"interleaved": True})
change("rotary the other way round", ROTARY, lambda op, size: {"sign": True})
change("rotary base off", ROTARY, lambda op, size: {"base": op["base"] * (1 + size)})
change("rotary of the query shifted", ROTARY, lambda op, size: {"query_offset": 1.0})
change("table of base 10001 for 10000", holds_table, lambda op, size: {"base": op["base"] * 1.0001})
change("table of base 10000.1 for 10000", holds_table, lambda op, size: {"base": op["base"] * 1.00001})
change("table shifted by a row", holds_table, lambda op, size: {"rolled": 1})
change("cache written a row late", cached, lambda op, size: {"late": True})
change("gate and value swapped", kind("gated"), lambda op, size: {"letters": ("w3", "w1")})
change("positions shifted", kind("position"), lambda op, size: {"shifted": 1})
# Recurrent layers.
change("LSTM's gates in another order", LSTM, lambda op, size: {"order": "ifog"})
change("LSTM's first two gates swapped", LSTM, lambda op, size: {"order": "figo"})
change("LSTM's forget gate biased", LSTM, lambda op, size: {"forget_bias": size})
change("LSTM's state without tanh", LSTM, lambda op, size: {"bare_state": True})
change("GRU's reset before the product", GRU, lambda op, size: {"reset_before": True})
change("GRU's update gate swapped", GRU, lambda op, size: {"update_swapped": True})
change("GRU's gates in another order", GRU, lambda op, size: {"order": "zrn"})
change("recurrent start not zero", kind("lstm", "gru", by_hand=True), lambda op, size: {"start": size})
# Couplings, Fourier layers.
change("coupling without its tanh", kind("coupling"), lambda op, size: {"unbounded": True})
change("Fourier modes one fewer", kind("fourier"), lambda op, size: {"used": op["modes"] - 1})
change("Fourier weights conjugated", kind("fourier"), lambda op, size: {"conjugated": True})
change("imaginary for real part", kind("mix"), lambda op, size: {"component": "imag"})
# Precision.
for style in ("module", "input", "output"):
    change(f"bfloat16 {style} in the port alone", lambda op: op.kind == "dense" and not op.get("low_reference"),
           lambda op, size, style=style: {"low_port": style})
change("bfloat16 in the reference alone", lambda op: bool(op.get("low_reference")), lambda op, size: {"low_port": ""})
# Training.
change("dropout forgotten", kind("dropout"), lambda op, size: {"deterministic": True}, mode="train")
change("running statistics in training", norm("batch"), lambda op, size: {"running": True}, mode="train")
change("momentum 0.99 for 0.9", norm("batch"), lambda op, size: {"momentum": 0.99}, mode="train")
# Weights.
edit("square weight transposed", "transposed", is_square)
edit("bias dropped", "dropped", is_bias)
edit("bias added twice", "twice", is_bias)
edit("bias gradient stopped", "stopped", is_bias)
edit("kernel mirrored", "mirrored", is_window)
edit("weight negated", "negated", is_weight)
edit("weight scaled", "scaled", is_any, sized=True)
edit("one weight's entry off", "entry", lambda op, leaf, shape: op.kind != "embed", sized=True)
edit("one weight's gradient scaled", "steep", is_any, sized=True)
edit("weight rounded", "rounded", is_kernel, sized=True)
edit("weight's gradient partly stopped", "half_stopped", is_any, sized=True)
edit("weight's gradient stopped", "stopped", is_weight)
# Activations, anywhere.
insert("activation scaled", "scaled")
insert("gradient scaled on its way", "steep")
insert("gradient stopped", "stopped", sized=False)
insert("rows of the batch leak", "rows_leak")
insert("features in another order", "rolled", sized=False)
# Losses.
loss("sum for mean, or the reverse", lambda one: True, lambda one, size: {"reduction": EXCHANGED[one.reduction]})
loss("half the squares", lambda one: one.kind == "mse", lambda one, size: {"fault": "half"})
loss("mean over the rows only", lambda one: one.kind != "cross_entropy", lambda one, size: {"fault": "by_rows"})
loss("labels shifted", lambda one: True, lambda one, size: {"fault": "labels_shifted"})
loss("one row dropped from the loss", lambda one: True, lambda one, size: {"fault": "row_dropped"})
loss("outputs scaled in the loss", lambda one: one.kind in ("mse", "bce"),
     lambda one, size: {"fault": "scaled", "setting": size})
loss("softmax before cross-entropy", lambda one: one.kind == "cross_entropy",
     lambda one, size: {"fault": "double_softmax"})
loss("label smoothing off", lambda one: one.kind == "cross_entropy",
     lambda one, size: {"setting": one.setting + size * 0.5})
loss("Huber's delta off", lambda one: one.kind == "huber", lambda one, size: {"setting": one.setting * (1 + size)})
# fmt: on
GENERAL.add("activation missing")


def plant(network: Network, rng: Rng, preferred: tuple[str, ...] = ()) -> tuple[str, Network]:
    """The network with one fault, drawn from those that have a place in it: mostly of those that only few have, and as
    often of the ``preferred`` ones, if there are any."""
    names = [list(FAULTS)[index] for index in rng.permutation(len(FAULTS))]
    if rng.random() < SPECIFIC:
        names.sort(key=lambda name: name in GENERAL)
    if preferred and rng.random() < SPECIFIC:
        names.sort(key=lambda name: name not in preferred)
    for name in names:
        faulty = FAULTS[name](network, rng)
        if faulty is not None:
            return name, faulty
    raise AssertionError("the faults of a weight have a place in every network")
