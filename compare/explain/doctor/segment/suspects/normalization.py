"""Layer, group, batch, instance and root-mean-square norms, and what ports do otherwise in them."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import torch

from compare.explain.doctor.segment.ideas import (
    DEFAULT,
    POSSIBLE,
    RARE,
    USUAL,
    Family,
    Idea,
    View,
    altered,
    bound,
    candidates,
    computed,
    value,
)

EPSILONS = (1e-6, 1e-5, 1e-12, 1e-3, 1e-8, 0.0, 1e-7, 1e-4, torch.finfo(torch.float32).eps)


@dataclass(frozen=True)
class Parts:
    """A norm as one formula: ``x`` normalised over ``axes``, then brought back to ``shape``, scaled and moved."""

    x: torch.Tensor
    axes: tuple[int, ...]
    shape: tuple[int, ...]
    weight: torch.Tensor | None
    bias: torch.Tensor | None
    eps: float


def _last(given: dict[str, Any]) -> Parts:
    x = given["input"]
    axes = tuple(range(-len(given["normalized_shape"]), 0))
    return Parts(x, axes, tuple(x.shape), given["weight"], given.get("bias"), given["eps"] or 0.0)


def _grouped(given: dict[str, Any]) -> Parts:
    x = given["input"]
    split = x.reshape(len(x), given["num_groups"], -1)
    return Parts(split, (2,), tuple(x.shape), *_per_channel(given, x.ndim), given["eps"])


def _spatial(given: dict[str, Any]) -> Parts:
    x = given["input"]
    return Parts(x, tuple(range(2, x.ndim)), tuple(x.shape), *_per_channel(given, x.ndim), given["eps"])


def _batch(given: dict[str, Any]) -> Parts:
    x = given["input"]
    return Parts(x, (0, *range(2, x.ndim)), tuple(x.shape), *_per_channel(given, x.ndim), given["eps"])


def _per_channel(given: dict[str, Any], axes: int) -> tuple[torch.Tensor | None, torch.Tensor | None]:
    shape = (-1, *(1,) * (axes - 2))
    weight, bias = given["weight"], given["bias"]
    return (
        weight.reshape(shape) if weight is not None else None,
        bias.reshape(shape) if bias is not None else None,
    )


PARTS: dict[str, Callable[[dict[str, Any]], Parts]] = {
    "layer_norm": _last, "rms_norm": _last, "group_norm": _grouped, "instance_norm": _spatial, "batch_norm": _batch,
}  # fmt: skip


def _normed(parts: Parts, *, centred: bool = True, ddof: int = 0, outside: bool = False) -> torch.Tensor:
    x = parts.x
    x = x - x.mean(parts.axes, keepdim=True) if centred else x
    count = 1
    for axis in parts.axes:
        count *= x.shape[axis]
    variance = (x * x).sum(parts.axes, keepdim=True) / max(count - ddof, 1)
    size = variance.sqrt() + parts.eps if outside else (variance + parts.eps).sqrt()
    out = (x / size).reshape(parts.shape)
    out = out * parts.weight if parts.weight is not None else out
    return out + parts.bias if parts.bias is not None else out


def ideas(view: View) -> Iterator[Idea]:
    """Of a norm: epsilon, what is learnt, what it normalises over, and its formula."""
    name, given = view.call.name, view.given
    own = given["eps"] if given["eps"] is not None else torch.finfo(torch.float32).eps
    usual = (EPSILONS[-1], *EPSILONS[:-1]) if given["eps"] is None else EPSILONS
    for eps, rank in candidates(view, "epsilon", own, usual):
        rank = rank if rank <= DEFAULT + 1 else USUAL
        yield value("epsilon", own, float(eps), altered(name, eps=float(eps)), rank)
    for argument, word in (("weight", "scale"), ("bias", "bias")):
        if given.get(argument) is not None:
            text = f"the port leaves out the {word} of the norm"
            yield Idea(word, "learnt", "none", text, f"no {word}", altered(name, **{argument: None}), POSSIBLE)
    if given.get("weight") is not None:
        yield Idea("scale", "w", "1 + w", "the port scales by 1 + w, the reference by w", "scale 1 + w",
                   altered(name, weight=lambda one: 1 + one["weight"]))  # fmt: skip
        yield Idea("scale", "w", "w - 1", "the port scales by w - 1, the reference by w", "scale w - 1",
                   altered(name, weight=lambda one: one["weight"] - 1), RARE)  # fmt: skip
    if name in ("layer_norm", "rms_norm"):
        yield from _axes(view, name, given)
    if name == "group_norm":
        yield from _groups(view, given)
    if name == "batch_norm" and given["running_mean"] is not None:
        yield from _statistics(name, given)
    yield from _formulas(name, given)


def _formulas(name: str, given: dict[str, Any]) -> Iterator[Idea]:
    parts = PARTS[name]
    if name == "batch_norm" and not given["training"]:
        return

    def formula(**options: Any) -> Any:
        return computed(name, lambda one: _normed(parts(one), **options))

    centred = name != "rms_norm"
    if centred:
        yield Idea("centring", "mean subtracted", "none", "the port does not subtract the mean: it is an RMS norm",
                   "RMS norm", formula(centred=False), POSSIBLE)  # fmt: skip
    else:
        yield Idea("centring", "none", "mean subtracted", "the port subtracts the mean: it is a layer norm",
                   "layer norm", formula(), POSSIBLE)  # fmt: skip
    yield Idea("unbiased", "biased (N)", "unbiased (N - 1)", "the port divides the variance by N - 1, the reference by "
               "N", "unbiased variance", formula(centred=centred, ddof=1))  # fmt: skip
    yield Idea("epsilon", "added to the variance", "added to the deviation", "the port adds epsilon to the "
               "standard deviation, the reference to the variance", "epsilon outside the root",
               formula(centred=centred, outside=True), POSSIBLE)  # fmt: skip
    text = "the port divides by the unbiased deviation plus epsilon, the reference by the root of variance plus epsilon"
    yield Idea("epsilon", "biased variance + epsilon", "unbiased deviation + epsilon", text,
               "unbiased deviation, epsilon outside the root",
               formula(centred=centred, ddof=1, outside=True), POSSIBLE)  # fmt: skip


def _axes(view: View, name: str, given: dict[str, Any]) -> Iterator[Idea]:
    shape = view.first.shape if view.first else ()
    count = len(given["normalized_shape"])
    own = tuple(range(-count, 0))
    others = [tuple(range(-k, 0)) for k in range(1, len(shape)) if k != count]
    others += [(axis - len(shape),) for axis in range(len(shape) - 1) if count == 1]
    read = view.read.get("axis")
    for axes in sorted(others, key=lambda one: one != read):
        words = f"normalises over axes {_show(axes)} in the port, {_show(own)} in the reference"
        rank = USUAL if len(axes) == 1 and count > 1 else POSSIBLE
        yield Idea("axis", _show(own), _show(axes), words, f"axes {_show(axes)}", _over(name, axes), rank)


def _over(name: str, axes: tuple[int, ...]) -> Any:
    def formula(given: dict[str, Any]) -> torch.Tensor:
        parts = PARTS[name](given)
        return _normed(Parts(parts.x, axes, parts.shape, parts.weight, parts.bias, parts.eps),
                       centred=name != "rms_norm")  # fmt: skip

    return computed(name, formula)


def _groups(view: View, given: dict[str, Any]) -> Iterator[Idea]:
    channels = view.first.shape[1] if view.first else 1
    usual = tuple(g for g in (32, 1, channels, 8, 4, 2, 16) if g <= channels and channels % g == 0)
    size = channels // given["num_groups"]
    usual += (size,) if channels % size == 0 else ()
    for groups, rank in candidates(view, "groups", given["num_groups"], usual, USUAL):
        if channels % int(groups) == 0:
            yield value("groups", given["num_groups"], int(groups), altered("group_norm", num_groups=int(groups)),
                        min(rank, POSSIBLE))  # fmt: skip
    interleaved = computed("group_norm", _interleaved)
    yield Idea("groups", "neighbouring channels", "every n-th channel", "the port groups every n-th channel, the "
               "reference neighbouring ones", "interleaved groups", interleaved, RARE)  # fmt: skip


def _interleaved(given: dict[str, Any]) -> torch.Tensor:
    x, groups = given["input"], given["num_groups"]
    mixed = x.reshape(len(x), -1, groups, *x.shape[2:]).transpose(1, 2)
    plain = torch.nn.functional.group_norm(mixed.reshape(x.shape), groups, None, None, given["eps"])
    out = plain.reshape(mixed.shape).transpose(1, 2).reshape(x.shape)
    weight, bias = _per_channel(given, x.ndim)
    out = out * weight if weight is not None else out
    return out + bias if bias is not None else out


def _statistics(name: str, given: dict[str, Any]) -> Iterator[Idea]:
    in_use, other = ("the batch's", "running") if given["training"] else ("running", "the batch's")
    text = f"the port normalises with {other} statistics, the reference with {in_use}"

    def swapped(func: Any, args: tuple, kwargs: dict) -> Any:
        one = bound(name, args, kwargs)
        running = {own: one[own].clone() for own in ("running_mean", "running_var")}
        return altered(name, **running, training=not one["training"])(func, args, kwargs)

    yield Idea("use_running_average", in_use, other, text, f"{other} statistics", swapped, DEFAULT)
    if not given["training"]:
        fresh = altered(name, running_mean=lambda one: torch.zeros_like(one["running_mean"]),
                        running_var=lambda one: torch.ones_like(one["running_var"]))  # fmt: skip
        yield Idea("statistics", "running", "fresh (0 and 1)", "the port normalises with fresh statistics, mean 0 and "
                   "variance 1", "fresh statistics", fresh)  # fmt: skip
        deviation = altered(name, running_var=lambda one: one["running_var"] ** 2)
        yield Idea("statistics", "running variance", "taken for a deviation", "the port takes the running variance for "
                   "a standard deviation", "variance for deviation", deviation, POSSIBLE)  # fmt: skip


def normalize(view: View) -> Iterator[Idea]:
    """Of ``F.normalize``: epsilon, axis, norm."""
    given = view.given
    for eps, rank in candidates(view, "epsilon", given["eps"], (1e-8, 1e-6, 1e-5, 0.0, 1e-10), USUAL):
        yield value("epsilon", given["eps"], eps, altered("normalize", eps=eps), rank)
    rank_of = len(view.first.shape) if view.first else 0
    for dim in range(rank_of):
        if dim != given["dim"] % max(rank_of, 1):
            yield value("axis", given["dim"], dim, altered("normalize", dim=dim), POSSIBLE)
    yield value("norm", given["p"], 1.0, altered("normalize", p=1.0), RARE)
    squared = computed("normalize", lambda one: one["input"] / (
        (one["input"] ** 2).sum(one["dim"], keepdim=True) + one["eps"]).sqrt())  # fmt: skip
    yield Idea("epsilon", "a lower bound of the norm", "added under the root", "the port adds epsilon to the "
               "squared norm, the reference bounds the norm by it", "epsilon under the root", squared)  # fmt: skip


def _show(axes: tuple[int, ...]) -> str:
    return str(axes[0]) if len(axes) == 1 else str(axes)


FAMILIES: dict[str, Family] = {**dict.fromkeys(PARTS, ideas), "normalize": normalize}
