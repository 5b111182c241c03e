"""Losses: how they are reduced, what they leave out, and what they take logits for."""

from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import torch
from torch.nn import functional as F

from compare.explain.calls.call import Described
from compare.explain.calls.counting import Function, Replacement
from compare.explain.calls.signatures import Given, bound
from compare.explain.doctor.segment.ideas import Family, Idea, View, afterwards, altered, computed, value
from compare.explain.doctor.segment.padding import shown
from compare.explain.doctor.thresholds import DEFAULT, POSSIBLE, RARE, USUAL

Tensor = torch.Tensor
_CLASSES = ("cross_entropy", "nll_loss")


def ideas(view: View) -> Iterator[Idea]:
    """Of a loss: what it is divided by first, then what each kind has of its own."""
    name, given = view.call.name, view.given
    shape = given["input"].shape if isinstance(given["input"], Described) else ()
    if given["reduction"] == "mean" and len(shape) > (2 if name in _CLASSES else 1):
        yield value("reduction", "mean of all", "sum, over the batch", _summed(lambda own: shape[0]), DEFAULT)
    if name in _CLASSES:
        yield from _of_classes(view)
    yield from _OWN.get(name, lambda view: iter(()))(view)


def _summed(count: Callable[[Given], int]) -> Replacement:
    """The sum, over another number than torch's."""

    def replacement(func: Function, args: tuple, kwargs: dict) -> Any:
        return altered(reduction="sum")(func, args, kwargs) / count(bound(func, args, kwargs))

    return replacement


def _of_classes(view: View) -> Iterator[Idea]:
    name, given = view.call.name, view.given
    classes = given["input"].shape[1 if len(given["input"].shape) > 1 else 0]
    rows = _summed(lambda own: own["target"].numel())
    if given["weight"] is not None:
        text = "the weighted loss is divided by the number of {} in the port, by the sum of weights in the reference"
        yield value("weight", "divided by the sum of weights", "by the number of rows", rows, DEFAULT,
                    text.format("rows"))  # fmt: skip
        if _labelled(given):
            counted = _summed(lambda own: int((own["target"] != own["ignore_index"]).sum()))
            yield value("weight", "divided by the sum of weights", "by the number of counted rows", counted, DEFAULT,
                        text.format("counted rows"))  # fmt: skip
        if name == "cross_entropy" and given["label_smoothing"]:
            text = "the port weighs each row by its own class, the reference each class of the smoothed label by itself"
            yield Idea("weight", "by class", "by row", computed(_by_row), DEFAULT, text)
            both = f"{text}; and it spreads the smoothing over the other classes alone"
            change = computed(partial(_by_row, spread=True))
            yield Idea("weight and label_smoothing", "by class", "by row, over the others", change, USUAL, both)
    if name == "cross_entropy" and given["label_smoothing"]:
        text = "the port spreads the smoothing over the other classes alone, the reference over all of them"
        others = altered(label_smoothing=lambda own: own["label_smoothing"] * classes / (classes - 1))
        yield Idea("label_smoothing", "over all classes", "over the others", others, DEFAULT, text)
    if _labelled(given) and len(given["target"].shape) > 1 and given["reduction"] == "mean":
        by_row = computed(partial(_mean_of_means, view.call.function))
        yield value("reduction", "mean of all", "mean of each row's mean", by_row, DEFAULT)
    ignored = given["ignore_index"]
    if not (isinstance(given["target"], Described) and given["target"].dtype.startswith("float")):
        unmarked = altered(ignore_index=-(10**6), target=lambda own: own["target"].clamp(min=0) if ignored < 0 else
                          own["target"])  # fmt: skip
        yield value("ignore_index", ignored, "none", unmarked)
        if name == "cross_entropy" and ignored < 0 and given["weight"] is None and not given["label_smoothing"]:
            text = f"the port has no ignore_index {ignored}: it takes an entry that is not there, which is NaN"
            yield Idea("ignore_index", shown(ignored), "NaN", computed(_filled), DEFAULT, text)
        yield value("ignore_index", ignored, 0, altered(ignore_index=0), POSSIBLE)
        yield value("ignore_index", "mean over counted rows", "mean over all rows", rows)
        for shift in (1, -1):
            moved = altered(target=lambda own, shift=shift: (own["target"] + shift) % classes)
            yield value("labels", "y", f"y {shift:+d}", moved, RARE)
    if name == "cross_entropy":
        twice = altered(input=lambda own: F.softmax(own["input"], 1 if own["input"].ndim > 1 else 0))
        text = "the port applies a softmax before the cross-entropy, which applies one itself"
        yield Idea("softmax", "none", "before the loss", twice, DEFAULT, text)
        for axis in (-1, 0):
            text = f"the classes lie along axis {axis} in the port, along axis 1 in the reference"
            yield value("axis", "classes", axis, computed(partial(_over_axis, axis)), POSSIBLE, text)


def _labelled(given: Given) -> bool:
    """Whether the targets are classes, and not their probabilities."""
    return isinstance(given["target"], Described) and not given["target"].dtype.startswith("float")


def _mean_of_means(function: Function, given: Given) -> Tensor:
    """Of each row of the batch the mean over what is not ignored, and the mean of these."""
    options = {name: own for name, own in given.items() if name in ("weight", "ignore_index", "label_smoothing")}
    losses = function(given["input"], given["target"], reduction="none", **options)
    counted = (given["target"] != given["ignore_index"]).flatten(1).sum(1)
    mean: Tensor = (losses.flatten(1).sum(1) / counted).mean()
    return mean


def _by_row(given: Given, spread: bool = False) -> Tensor:
    """Each row's smoothed loss without weights, times its own class's weight; ``spread``: smoothed over the other
    classes alone."""
    classes, smoothing = given["input"].shape[1], given["label_smoothing"]
    smoothing = smoothing * classes / (classes - 1) if spread else smoothing
    rows = F.cross_entropy(given["input"], given["target"], label_smoothing=smoothing, reduction="none")
    weights = given["weight"][given["target"]]
    weighted = rows * weights
    return {"mean": weighted.sum() / weights.sum(), "sum": weighted.sum(), "none": weighted}[given["reduction"]]


def _filled(given: Given) -> Tensor:
    """As JAX gathers: what lies outside is NaN and has no gradient, while the row's other terms have theirs."""
    logits, target = given["input"], given["target"]
    inside = (target >= 0) & (target < logits.shape[1])
    picked = logits.gather(1, target.clamp(0, logits.shape[1] - 1)[:, None])[:, 0]
    rows = logits.logsumexp(1) - torch.where(inside, picked, torch.nan)
    return {"mean": rows.mean(), "sum": rows.sum(), "none": rows}[given["reduction"]]


def _connectionist(view: View) -> Iterator[Idea]:
    """Of CTC: torch's mean divides each row by its target's length first."""
    if view.given["reduction"] == "mean":
        alone = altered(reduction="none")
        for word, reduce in (("mean of the rows", torch.mean), ("sum", torch.sum)):
            change = partial(_reduced, alone, reduce)
            yield value("reduction", "mean, each row divided by its target's length", word, change, DEFAULT)


def _reduced(alone: Replacement, reduce: Callable[[Tensor], Tensor], func: Function, args: tuple, kwargs: dict) -> Any:
    return reduce(alone(func, args, kwargs))


def _over_axis(axis: int, given: Given) -> Tensor:
    logs = F.log_softmax(given["input"], axis)
    options = {name: given[name] for name in ("weight", "ignore_index", "reduction")}
    return F.nll_loss(logs, given["target"], **options)


def _squares(view: View) -> Iterator[Idea]:
    yield value("root", "none", "square root", afterwards(torch.sqrt), POSSIBLE)


def _divergence(view: View) -> Iterator[Idea]:
    turned = altered(input=lambda own: own["target"].log(), target=lambda own: own["input"].exp())
    yield value("direction", "KL(target, input)", "KL(input, target)", turned)


def _logits(view: View) -> Iterator[Idea]:
    squashed = altered(input=lambda own: torch.sigmoid(own["input"]))
    yield value("sigmoid", "none", "before the loss", squashed, DEFAULT)


def _probabilities(view: View) -> Iterator[Idea]:
    yield value("clamp", "logarithms above -100", "none", computed(_unclamped))


def _unclamped(given: Given) -> Tensor:
    p, y = given["input"], given["target"]
    loss = -torch.xlogy(y, p) - torch.xlogy(1 - y, 1 - p)
    return loss.mean() if given["reduction"] == "mean" else loss.sum() if given["reduction"] == "sum" else loss


_OWN: dict[str, Family] = {
    "mse_loss": _squares,
    "kl_div": _divergence,
    "binary_cross_entropy": _probabilities,
    "binary_cross_entropy_with_logits": _logits,
}
FAMILIES: dict[str, Family] = {
    **dict.fromkeys([*_CLASSES, *_OWN, "l1_loss", "huber_loss", "smooth_l1_loss"], ideas),
    "ctc_loss": _connectionist,
}
