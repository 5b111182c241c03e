"""Activations: one in place of another, and what their formulas leave open."""

from collections.abc import Callable, Iterator

import torch
from torch.nn import functional as F

from compare.explain.calls.counting import Replacement
from compare.explain.calls.signatures import Given
from compare.explain.doctor.segment.ideas import (
    Family,
    Idea,
    View,
    afterwards,
    altered,
    computed,
    instead,
    left_out,
    times,
    value,
)
from compare.explain.doctor.thresholds import DEFAULT, POSSIBLE, RARE, READ, USUAL

Activation = Callable[[torch.Tensor], torch.Tensor]

# By the words for it: the function, and the primitives that JAX writes it with.
ACTIVATIONS: dict[str, tuple[Activation, set[str]]] = {
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
GATES = {"SiLU", "exact GELU", "tanh GELU", "ReLU", "hard sigmoid"}


def own_name(view: View) -> str:
    """The words for the call's own activation."""
    tanh = view.call.name == "gelu" and view.given["approximate"] == "tanh"
    return "tanh GELU" if tanh else OWN[view.call.name]


def ideas(view: View) -> Iterator[Idea]:
    """Of an activation: its settings, and every other."""
    yield from _settings(view)
    name, own = view.call.name, own_name(view)
    known = {primitive for primitive, _ in view.scene.primitives}
    for other, (function, primitives) in ACTIVATIONS.items():
        if other == own or (name == "gelu" and other in ("exact GELU", "tanh GELU")):
            continue
        rank = RARE if known and not primitives & known else POSSIBLE
        yield Idea("activation", own, other, instead(function), rank,
                   f"the port uses {other} where the reference uses {own}", other)  # fmt: skip


def _settings(view: View) -> Iterator[Idea]:
    name, given = view.call.name, view.given
    if name == "gelu":
        yield _gelu(given["approximate"])
    if name == "sigmoid":
        text = "the port has 1 - sigmoid(x) for sigmoid(x): a gate and its complement are exchanged"
        yield Idea("gate", "sigmoid(x)", "1 - sigmoid(x)", afterwards(lambda gate: 1 - gate), POSSIBLE, text,
                   "1 - sigmoid(x)")  # fmt: skip
    if name == "softplus":
        yield value("threshold", given["threshold"], "none", computed(_smooth_softplus), DEFAULT)


def _gelu(approximate: str) -> Idea:
    if approximate == "tanh":
        text = "the port uses the exact GELU (approximate=False), the reference the tanh approximation"
        return Idea("approximate", "tanh", "none", altered(approximate="none"), READ, text)
    text = "the port uses the tanh approximation of GELU (approximate='tanh'), the reference the exact one"
    return Idea("approximate", "none", "tanh", altered(approximate="tanh"), READ, text)


def _smooth_softplus(given: Given) -> torch.Tensor:
    x = given["input"] * given["beta"]
    return torch.logaddexp(x, torch.zeros_like(x)) / given["beta"]


def softmax(view: View) -> Iterator[Idea]:
    """Of a softmax: a sigmoid, one added to the sum."""
    yield Idea("activation", "softmax", "sigmoid", instead(torch.sigmoid), RARE)
    yield Idea("softmax", "exp(x) / sum(exp(x))", "exp(x) / (1 + sum(exp(x)))", computed(_off_by_one), RARE)


def _off_by_one(given: Given) -> torch.Tensor:
    x = given["input"]
    total = torch.logaddexp(torch.logsumexp(x, given["dim"], keepdim=True), torch.zeros_like(x[..., :1].sum() * 0))
    return torch.exp(x - total)


def glu(view: View) -> Iterator[Idea]:
    """Of a gated linear unit: which half is the gate, and its activation."""

    def gated(gate: Activation, exchanged: bool) -> Replacement:
        def formula(given: Given) -> torch.Tensor:
            first, second = given["input"].chunk(2, given["dim"])
            return second * gate(first) if exchanged else first * gate(second)

        return computed(formula)

    yield value("gate order", "second half", "first half", gated(torch.sigmoid, True), DEFAULT)
    for word, (gate, _) in ACTIVATIONS.items():
        if word != "sigmoid":
            yield value("activation", "sigmoid", word, gated(gate, False), USUAL if word in GATES else POSSIBLE)


def dropout(view: View) -> Iterator[Idea]:
    """Of an active dropout: none, and what it keeps not rescaled. The entries kept are the reference's."""
    given = view.given
    if given.get("training", given.get("train")) and given["p"] != 0:
        yield value("dropout", f"rate {given['p']:g}", "none", left_out, DEFAULT)
        yield value("dropout scale", "1 / (1 - p)", "1", times(1 - given["p"]))


FAMILIES: dict[str, Family] = {
    **dict.fromkeys(OWN, ideas),
    "softmax": softmax,
    "glu": glu,
    **dict.fromkeys(("dropout", "dropout1d", "dropout2d", "dropout3d"), dropout),
}
