"""Calls that torch makes in one piece, as formulas of named parts: what a port that writes them out may do to a part.

``at`` is told each part by its name, and what it returns goes on in its place.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import partial
from math import prod, sqrt

import torch
from torch.nn import functional as F

from compare.explain.calls.signatures import Given

Tensor = torch.Tensor
At = Callable[[str, Tensor], Tensor]
Formula = Callable[[Given, At], Tensor]
FLOAT32 = torch.finfo(torch.float32).eps  # what torch's RMS norm adds where it is given no epsilon


@dataclass(frozen=True)
class Parts:
    """A norm as one formula: ``x`` normalised over ``axes``, then brought back to ``shape``, scaled and moved."""

    x: Tensor
    axes: tuple[int, ...]
    shape: tuple[int, ...]
    weight: Tensor | None
    bias: Tensor | None
    eps: float


def _last(given: Given) -> Parts:
    x, axes = given["input"], tuple(range(-len(given["normalized_shape"]), 0))
    eps = FLOAT32 if given["eps"] is None else given["eps"]
    return Parts(x, axes, tuple(x.shape), given["weight"], given.get("bias"), eps)


def _grouped(given: Given) -> Parts:
    split = given["input"].reshape(len(given["input"]), given["num_groups"], -1)
    return replace(_over(given, ()), x=split, axes=(2,))


def _over(given: Given, before: tuple[int, ...]) -> Parts:
    """Over the axes ``before`` the channels and all behind them."""
    x, shape = given["input"], (-1, *(1,) * (given["input"].ndim - 2))
    weight, bias = (None if given[name] is None else given[name].reshape(shape) for name in ("weight", "bias"))
    return Parts(x, (*before, *range(2, x.ndim)), tuple(x.shape), weight, bias, given["eps"])


NORMS: dict[str, Callable[[Given], Parts]] = {
    "layer_norm": _last, "rms_norm": _last, "group_norm": _grouped, "instance_norm": lambda given: _over(given, ()),
    "batch_norm": lambda given: _over(given, (0,)),
}  # fmt: skip


def as_it_is(name: str, part: Tensor) -> Tensor:
    """Nothing is done to a part."""
    return part


def normed(parts: Parts, *, centred: bool = True, ddof: int = 0, outside: bool = False, at: At = as_it_is) -> Tensor:
    """A norm; ``ddof``: what is taken off the count; ``outside``: the epsilon is added to the root."""
    x = parts.x - at("mean", parts.x.mean(parts.axes, keepdim=True)) if centred else parts.x
    count = prod(x.shape[axis] for axis in parts.axes)
    variance = at(
        "variance" if centred else "mean square", (x * x).sum(parts.axes, keepdim=True) / max(count - ddof, 1)
    )
    size = variance.sqrt() + parts.eps if outside else (variance + parts.eps).sqrt()
    return affine((x / size).reshape(parts.shape), parts)


def affine(out: Tensor, parts: Parts) -> Tensor:
    """Scaled and moved by what is learnt."""
    out = out * parts.weight if parts.weight is not None else out
    return out + parts.bias if parts.bias is not None else out


def _norm(name: str, given: Given, at: At) -> Tensor:
    return normed(NORMS[name](given), centred=name != "rms_norm", at=at)


def _attention(given: Given, at: At) -> Tensor:
    """``scaled_dot_product_attention`` of as many heads for keys as for queries, without dropout."""
    query, key, mask = given["query"], given["key"], given["attn_mask"]
    scores = query @ key.transpose(-1, -2) * (given["scale"] or 1 / sqrt(query.shape[-1]))
    if given["is_causal"]:
        later = torch.ones(scores.shape[-2:], dtype=torch.bool, device=scores.device).triu(1)
        scores = scores.masked_fill(later, float("-inf"))
    if mask is not None:
        scores = scores.masked_fill(~mask, float("-inf")) if mask.dtype == torch.bool else scores + mask
    weights = at("attention weights", at("scores", scores).softmax(-1))
    made: Tensor = weights @ at("values", given["value"])
    return made


def _unit(given: Given, at: At) -> Tensor:
    own = given["input"]
    size = own.norm(given["p"], given["dim"], keepdim=True).clamp_min(given["eps"])
    result: Tensor = own / at("norm", size)
    return result


def _gated(gate: Callable[[Tensor], Tensor], given: Given, at: At) -> Tensor:
    result: Tensor = given["input"] * at("gate", gate(given["input"]))
    return result


def _softmax(given: Given, at: At) -> Tensor:
    own = given["input"]
    top = own.detach().amax(given["dim"], keepdim=True)
    powers = (own - top).exp()
    result: Tensor = powers / at("sum", powers.sum(given["dim"], keepdim=True))
    return result


FORMULAS: Mapping[str, Formula] = {
    **{name: partial(_norm, name) for name in NORMS},
    "scaled_dot_product_attention": _attention,
    "normalize": _unit,
    "silu": partial(_gated, torch.sigmoid),
    "gelu": partial(_gated, lambda x: 0.5 * (1 + torch.erf(x / sqrt(2)))),
    "mish": partial(_gated, lambda x: torch.tanh(F.softplus(x))),
    "hardswish": partial(_gated, F.hardsigmoid),
    "softmax": _softmax,
}
PARTS: Mapping[str, tuple[str, ...]] = {
    **dict.fromkeys(NORMS, ("variance", "mean")),
    "rms_norm": ("mean square",),
    "scaled_dot_product_attention": ("attention weights", "scores", "values"),
    "normalize": ("norm",),
    **dict.fromkeys(("silu", "gelu", "mish", "hardswish"), ("gate",)),
    "softmax": ("sum",),
}


def has_parts(name: str, given: Given) -> bool:
    """Whether the formula is of this call: not of running statistics, nor of the tanh approximation."""
    if name == "batch_norm":
        return bool(given["training"])
    if name == "gelu":
        return bool(given["approximate"] == "none")
    return name in FORMULAS


def with_part(name: str, parts: tuple[str, ...], function: Callable[[Tensor], Tensor]) -> Callable[[Given], Tensor]:
    """The formula of a call, with ``function`` of some of its parts in their place."""
    return lambda given: FORMULAS[name](given, lambda part, own: function(own) if part in parts else own)
