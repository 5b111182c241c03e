"""Layer, group, batch, instance and root-mean-square norms, and what ports do otherwise in them."""

from collections.abc import Iterator
from dataclasses import replace
from functools import partial
from itertools import combinations
from typing import Any

import torch

from compare.explain.calls.counting import Function, Replacement
from compare.explain.calls.signatures import Given, bound
from compare.explain.doctor.segment.formulas import FLOAT32, NORMS, affine, normed
from compare.explain.doctor.segment.ideas import Family, Idea, View, altered, candidates, computed, value
from compare.explain.doctor.thresholds import DEFAULT, EPSILONS, POSSIBLE, RARE, USUAL

Tensor = torch.Tensor


def ideas(view: View) -> Iterator[Idea]:
    """Of a norm: epsilon, what is learnt, what it normalises over, and its formula."""
    name, given = view.call.name, view.given
    own = given["eps"] if given["eps"] is not None else FLOAT32
    usual = (FLOAT32, *EPSILONS) if given["eps"] is None else (*EPSILONS, FLOAT32)
    for eps, rank in candidates(view, "epsilon", own, usual):
        rank = rank if rank <= DEFAULT + 1 else USUAL
        yield value("epsilon", own, float(eps), altered(eps=float(eps)), rank)
    if given.get("weight") is not None:
        yield value("scale", "w", "1 + w", altered(weight=lambda has: 1 + has["weight"]))
        yield value("scale", "w", "w - 1", altered(weight=lambda has: has["weight"] - 1), RARE)
    if name in ("layer_norm", "rms_norm"):
        yield from _axes(view, name, len(given["normalized_shape"]))
    if name == "group_norm":
        yield from _groups(view, given["num_groups"])
    if name == "batch_norm" and given["running_mean"] is not None:
        yield from _statistics(given)
    if name != "batch_norm" or given["training"]:
        yield from _formulas(name)


def _formulas(name: str) -> Iterator[Idea]:
    def formula(**options: Any) -> Replacement:
        return computed(lambda given: normed(NORMS[name](given), **options))

    centred = name != "rms_norm"
    own, other = ("mean subtracted", "none") if centred else ("none", "mean subtracted")
    kind = "does not subtract the mean: it is an RMS norm" if centred else "subtracts the mean: it is a layer norm"
    short = "RMS norm" if centred else "layer norm"
    yield Idea("centring", own, other, formula(centred=not centred), POSSIBLE, f"the port {kind}", short)
    text = "the variance is unbiased (divided by N - 1) in the port, biased (by N) in the reference"
    yield value("unbiased", "biased (N)", "unbiased (N - 1)", formula(centred=centred, ddof=1), USUAL, text)
    for ddof, words in ((0, "the standard deviation"), (1, "the unbiased deviation")):
        change = formula(centred=centred, ddof=ddof, outside=True)
        yield value("epsilon", "added to the variance", f"added to {words}", change, POSSIBLE)


def _axes(view: View, name: str, count: int) -> Iterator[Idea]:
    """The last ones, one alone, and then any others together."""
    axes = len(view.shape)
    others = [tuple(range(-k, 0)) for k in range(1, axes)]
    others += [(axis - axes,) for axis in range(axes - 1) if count == 1]
    others += [tuple(axis - axes for axis in some) for k in range(2, axes + 1) for some in combinations(range(axes), k)]
    own = tuple(range(-count, 0))
    for other in sorted(dict.fromkeys(others), key=lambda one: one != view.read.get("axis")):
        if other == own:
            continue
        rank = (
            USUAL if len(other) == 1 and count > 1 else POSSIBLE if other in others[: axes - 1] or count == 1 else RARE
        )
        over = f"the {name.replace('_', ' ')} runs over axis {_show(other)} in the port, {_show(own)} in the reference"
        text = "" if "axis" in view.read else over  # a setting that is read is said as it was read
        yield value("axis", _show(own), _show(other), computed(partial(_normed_over, name, other)), rank, text)


def _normed_over(name: str, axes: tuple[int, ...], given: Given) -> Tensor:
    return normed(replace(NORMS[name](given), axes=axes), centred=name != "rms_norm")


def _show(axes: tuple[int, ...]) -> str:
    return str(axes[0]) if len(axes) == 1 else str(axes)


def _groups(view: View, own: int) -> Iterator[Idea]:
    channels = view.shape[1]
    divisors = [n for n in (channels // own, *range(1, channels + 1)) if channels % n == 0]
    for groups, _ in candidates(view, "groups", own, tuple(divisors)):
        if channels % int(groups) == 0:
            yield value("groups", own, int(groups), altered(num_groups=int(groups)), POSSIBLE)
    yield value("groups", "neighbouring channels", "every n-th channel", computed(_interleaved), RARE)


def _interleaved(given: Given) -> Tensor:
    x, groups = given["input"], given["num_groups"]
    mixed = x.reshape(len(x), -1, groups, *x.shape[2:]).transpose(1, 2)
    plain = torch.nn.functional.group_norm(mixed.reshape(x.shape), groups, None, None, given["eps"])
    return affine(plain.reshape(mixed.shape).transpose(1, 2).reshape(x.shape), NORMS["instance_norm"](given))


def _statistics(given: Given) -> Iterator[Idea]:
    in_use, other = ("the batch's", "running") if given["training"] else ("running", "the batch's")

    def swapped(func: Function, args: tuple, kwargs: dict) -> Any:
        own = bound(func, args, kwargs)
        kept = {name: own[name].clone() for name in ("running_mean", "running_var")}
        return altered(**kept, training=not own["training"])(func, args, kwargs)

    text = f"the port normalises with {other} statistics, the reference with {in_use}"
    yield Idea("use_running_average", in_use, other, swapped, DEFAULT, text)
    if not given["training"]:
        fresh = altered(running_mean=lambda own: torch.zeros_like(own["running_mean"]),
                        running_var=lambda own: torch.ones_like(own["running_var"]))  # fmt: skip
        yield value("statistics", "running", "fresh (0 and 1)", fresh)
        yield value("statistics", "running variance", "taken for a deviation", altered(
            running_var=lambda own: own["running_var"] ** 2), POSSIBLE,
            "the port takes the running variance for a deviation")  # fmt: skip


def normalize(view: View) -> Iterator[Idea]:
    """Of ``F.normalize``: where its epsilon stands."""
    squared = computed(lambda own: own["input"] / (
        (own["input"] ** 2).sum(own["dim"], keepdim=True) + own["eps"]).sqrt())  # fmt: skip
    yield value("epsilon", "a lower bound of the norm", "added under the root", squared)


FAMILIES: dict[str, Family] = {**dict.fromkeys(NORMS, ideas), "normalize": normalize}
