"""Activations: their own settings, and one in place of another."""

from collections.abc import Callable, Iterator
from typing import Any

import torch
from torch.nn import functional as F

from compare.explain.doctor.segment.ideas import (
    DEFAULT,
    POSSIBLE,
    RARE,
    READ,
    USUAL,
    Family,
    Idea,
    View,
    altered,
    candidates,
    computed,
    instead,
    value,
)

Function = Callable[[torch.Tensor], torch.Tensor]

# By the words for it: the function, and the primitives that JAX writes it with.
ACTIVATIONS: dict[str, tuple[Function, set[str]]] = {
    "ReLU": (F.relu, {"max", "custom_jvp_call"}),
    "exact GELU": (F.gelu, {"erf", "erfc"}),
    "tanh GELU": (lambda x: F.gelu(x, approximate="tanh"), {"tanh"}),
    "SiLU": (F.silu, {"logistic"}),
    "quick GELU, x * sigmoid(1.702 x)": (lambda x: x * torch.sigmoid(1.702 * x), {"logistic"}),
    "leaky ReLU": (F.leaky_relu, {"select_n"}),
    "leaky ReLU of slope 0.2": (lambda x: F.leaky_relu(x, 0.2), {"select_n"}),
    "tanh": (torch.tanh, {"tanh"}),
    "sigmoid": (torch.sigmoid, {"logistic"}),
    "ELU": (F.elu, {"expm1"}),
    "softplus": (F.softplus, {"log1p"}),
    "ReLU6": (F.relu6, {"min", "clamp"}),
    "CELU": (F.celu, {"expm1"}),
    "SELU": (F.selu, {"expm1"}),
    "hard swish": (F.hardswish, {"min", "clamp"}),
    "hard sigmoid": (F.hardsigmoid, {"min", "clamp"}),
    "hard sigmoid, clip(0.2 x + 0.5)": (lambda x: torch.clamp(0.2 * x + 0.5, 0, 1), {"min", "clamp"}),
    "mish": (F.mish, {"tanh"}),
    "squared ReLU": (lambda x: F.relu(x) ** 2, {"max", "integer_pow"}),
    "softsign": (F.softsign, {"abs"}),
    "log sigmoid": (F.logsigmoid, {"log1p"}),
    "abs": (torch.abs, {"abs"}),
}
OWN = {
    "relu": "ReLU", "gelu": "exact GELU", "silu": "SiLU", "leaky_relu": "leaky ReLU", "tanh": "tanh",
    "sigmoid": "sigmoid", "elu": "ELU", "softplus": "softplus", "relu6": "ReLU6", "celu": "CELU", "selu": "SELU",
    "hardswish": "hard swish", "hardsigmoid": "hard sigmoid", "mish": "mish", "softsign": "softsign",
    "logsigmoid": "log sigmoid", "prelu": "PReLU", "hardtanh": "hard tanh", "expm1": "expm1", "clamp": "clamp",
    "clip": "clip", "abs": "abs",
}  # fmt: skip
# What is taken for what more often than the rest.
_NEAR = {
    "relu": ("ReLU6", "leaky ReLU", "exact GELU", "tanh GELU", "SiLU", "squared ReLU"),
    "gelu": ("quick GELU, x * sigmoid(1.702 x)", "ReLU", "SiLU"),
    "silu": ("hard swish", "exact GELU", "tanh GELU", "quick GELU, x * sigmoid(1.702 x)", "ReLU", "sigmoid"),
    "leaky_relu": ("ReLU", "ELU"),
    "elu": ("ReLU", "SELU", "CELU"), "selu": ("ELU",), "celu": ("ELU",),
    "tanh": ("sigmoid", "ReLU"),
    "sigmoid": ("hard sigmoid", "hard sigmoid, clip(0.2 x + 0.5)", "tanh", "SiLU"),
    "hardswish": ("SiLU",), "hardsigmoid": ("hard sigmoid, clip(0.2 x + 0.5)", "sigmoid"),
    "softplus": ("ReLU",), "relu6": ("ReLU",), "mish": ("SiLU",),
}  # fmt: skip
GATES = {"SiLU", "exact GELU", "tanh GELU", "ReLU", "hard sigmoid"}
SLOPES = (0.01, 0.2, 0.1, 0.3, 0.0, 0.25, 1 / 3, 0.02, 0.05)


def ideas(view: View) -> Iterator[Idea]:
    """Of an activation: its settings, none at all, and every other."""
    yield from _settings(view)
    own = OWN[view.call.name]
    if view.call.name == "gelu" and view.given["approximate"] == "tanh":
        own = "tanh GELU"
    name = view.call.name
    near = _NEAR.get(name, ())
    known = {primitive for primitive, _ in view.scene.primitives}
    for other, (function, primitives) in ACTIVATIONS.items():
        if other == own or (name == "gelu" and other in ("exact GELU", "tanh GELU")):
            continue
        rank = USUAL if other in near else POSSIBLE
        rank = RARE if known and not primitives & known else rank
        yield Idea("activation", own, other, f"the port uses {other} where the reference uses {own}", other,
                   instead(function), rank)  # fmt: skip


def _settings(view: View) -> Iterator[Idea]:
    name, given = view.call.name, view.given
    if name == "gelu":
        yield _gelu(given["approximate"])
    if name == "leaky_relu":
        for slope, rank in candidates(view, "negative_slope", given["negative_slope"], SLOPES, DEFAULT):
            yield value("negative_slope", given["negative_slope"], slope, altered(name, negative_slope=slope),
                        min(rank, USUAL))  # fmt: skip
    if name in ("elu", "celu"):
        for alpha, rank in candidates(view, "alpha", given["alpha"], (1.0, 0.1, 0.5), USUAL):
            yield value("alpha", given["alpha"], alpha, altered(name, alpha=alpha), rank)
    if name == "softplus":
        yield Idea("threshold", str(given["threshold"]), "none", f"the port's softplus is smooth everywhere, the "
                   f"reference's is linear above {given['threshold']}", "softplus without threshold",
                   computed(name, _smooth_softplus), DEFAULT)  # fmt: skip
        if given["beta"] != 1:
            yield value("beta", given["beta"], 1, altered(name, beta=1))
    if name in ("hardtanh", "clamp", "clip"):
        yield from _bounds(name, given)
    if name == "prelu":
        for slope in (0.01, 0.25):
            fixed = altered(name, weight=lambda one, slope=slope: torch.full_like(one["weight"], slope))
            yield value("negative_slope", "learnt", slope, fixed, USUAL)


def _gelu(approximate: str) -> Idea:
    if approximate == "tanh":
        return Idea("approximate", "tanh", "none", "the port uses the exact GELU (approximate=False), the reference "
                    "the tanh approximation", "exact GELU", altered("gelu", approximate="none"), READ)  # fmt: skip
    return Idea("approximate", "none", "tanh", "the port uses the tanh approximation of GELU (approximate='tanh'), "
                "the reference the exact one", "tanh GELU", altered("gelu", approximate="tanh"), READ)  # fmt: skip


def _smooth_softplus(given: dict[str, Any]) -> torch.Tensor:
    x = given["input"] * given["beta"]
    return torch.logaddexp(x, torch.zeros_like(x)) / given["beta"]


def _bounds(name: str, given: dict[str, Any]) -> Iterator[Idea]:
    low, high = ("min_val", "max_val") if name == "hardtanh" else ("min", "max")
    for bound_name, word in ((low, "lower"), (high, "upper")):
        if name != "hardtanh" and isinstance(given[bound_name], int | float):
            other = high if bound_name == low else low
            if given[other] is not None:
                yield Idea("bounds", f"{word} bound {given[bound_name]:g}", "none", f"the port has no {word} bound; "
                           f"the reference bounds by {given[bound_name]:g}", f"no {word} bound",
                           altered(name, **{bound_name: None}), POSSIBLE)  # fmt: skip


def softmax(view: View) -> Iterator[Idea]:
    """Of a softmax or log-softmax: the axis, and one for the other."""
    name, given = view.call.name, view.given
    axes = len(view.first.shape) if view.first else 0
    if given["dim"] is not None:
        own = given["dim"] % axes
        for dim in [axes - 1, *range(axes - 1)]:
            if dim != own and view.first and view.first.shape[dim] > 1:
                yield Idea("axis", str(given["dim"]), str(dim), f"the {name.replace('_', '-')} runs over axis {dim} in "
                           f"the port, {given['dim']} in the reference", f"{name} over axis {dim}",
                           altered(name, dim=dim), USUAL)  # fmt: skip
    other = "softmax" if name == "log_softmax" else "log_softmax"
    function = {"softmax": F.softmax, "log_softmax": F.log_softmax}[other]
    yield Idea("activation", name, other, f"the port uses {other} where the reference uses {name}", other,
               computed(name, lambda one: function(one["input"], dim=one["dim"])), USUAL)  # fmt: skip
    if name == "softmax":
        yield Idea("activation", name, "sigmoid", "the port uses a sigmoid where the reference uses a softmax",
                   "sigmoid for softmax", instead(torch.sigmoid), RARE)  # fmt: skip
        plus = computed(name, _off_by_one)
        yield Idea("softmax", "exp(x) / sum(exp(x))", "exp(x) / (1 + sum(exp(x)))", "the port's softmax adds 1 to the "
                   "sum of exponentials", "softmax with 1 added", plus, RARE)  # fmt: skip


def _off_by_one(given: dict[str, Any]) -> torch.Tensor:
    x = given["input"]
    total = torch.logaddexp(torch.logsumexp(x, given["dim"], keepdim=True), torch.zeros_like(x[..., :1].sum() * 0))
    return torch.exp(x - total)


def glu(view: View) -> Iterator[Idea]:
    """Of a gated linear unit: which half is the gate, and its activation."""

    def gated(gate: Function, exchanged: bool) -> Any:
        def formula(given: dict[str, Any]) -> torch.Tensor:
            first, second = given["input"].chunk(2, given["dim"])
            return second * gate(first) if exchanged else first * gate(second)

        return computed("glu", formula)

    yield Idea("gate order", "second half", "first half", "the port gates with the first half, the reference with the "
               "second", "halves of the gate exchanged", gated(torch.sigmoid, True), DEFAULT)  # fmt: skip
    for word, (gate, _) in ACTIVATIONS.items():
        if word != "sigmoid":
            yield Idea("activation", "sigmoid", word, f"the port's gate is {word}, the reference's a sigmoid",
                       f"{word} gate", gated(gate, False), USUAL if word in GATES else POSSIBLE)  # fmt: skip


def dropout(view: View) -> Iterator[Idea]:
    """Of an active dropout: its rate, and none."""
    name, given = view.call.name, view.given
    if not given["training"] or given["p"] == 0:
        return
    for rate, rank in candidates(view, "dropout rate", given["p"], (0.1, 0.5, 0.2, 0.3), POSSIBLE):
        yield value("dropout rate", given["p"], rate, _rescaled((1 - given["p"]) / (1 - rate)), rank)
    yield Idea("dropout", f"rate {given['p']:g}", "none", "the port has no dropout there, the reference has",
               f"no {name}", instead(lambda x: x), DEFAULT)  # fmt: skip
    keep = 1 - given["p"]
    yield Idea("dropout scale", "1 / (1 - p)", "1", "the port does not divide what it keeps by 1 - p",
               "dropout not rescaled", _rescaled(keep))  # fmt: skip


def _rescaled(factor: float) -> Any:
    """The same entries kept: the port is given the reference's masks."""
    return lambda func, args, kwargs: func(*args, **kwargs) * factor


FAMILIES: dict[str, Family] = {
    **dict.fromkeys(OWN, ideas),
    "softmax": softmax,
    "log_softmax": softmax,
    "glu": glu,
    **dict.fromkeys(("dropout", "dropout1d", "dropout2d", "dropout3d"), dropout),
}
