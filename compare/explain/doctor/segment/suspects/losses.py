"""Losses: how they are reduced, what they leave out, and what they take logits for."""

from collections.abc import Iterator
from typing import Any

import torch
from torch.nn import functional as F

from compare.explain.calls.call import Described
from compare.explain.doctor.segment.ideas import (
    DEFAULT,
    POSSIBLE,
    RARE,
    USUAL,
    Family,
    Idea,
    View,
    afterwards,
    altered,
    candidates,
    computed,
    value,
)

Tensor = torch.Tensor
_CLASSES = ("cross_entropy", "nll_loss")


def ideas(view: View) -> Iterator[Idea]:
    """Of a loss: reduction first, then what each kind has of its own."""
    name = view.call.name
    yield from _reduced(view)
    if name in _CLASSES:
        yield from _of_classes(view)
    yield from _OWN.get(name, _nothing)(view)


def _nothing(view: View) -> Iterator[Idea]:
    yield from ()


def _reduced(view: View) -> Iterator[Idea]:
    name, given = view.call.name, view.given
    own = given["reduction"]
    shape = given["input"].shape if isinstance(given["input"], Described) else ()
    batch = shape[0] if shape else 1
    for other in ("sum", "mean", "batchmean" if name == "kl_div" else ""):
        if other and other != own and "none" not in (own, other):
            yield Idea("reduction", own, other, f"the port's loss is reduced by {other}, the reference's by {own}",
                       f"reduction {other}", altered(name, reduction=other), DEFAULT)  # fmt: skip
    if own == "mean" and len(shape) > (2 if name in _CLASSES else 1):
        summed = afterwards_of(name, batch)
        text = f"the port sums the loss and divides by the batch of {batch}, the reference takes the mean of all"
        yield Idea("reduction", "mean of all", "sum, over the batch", text, "sum over the batch", summed, DEFAULT)
    for word, factor in (("half", 0.5), ("twice", 2.0)):
        yield Idea("scale", "1", f"{factor:g}", f"the port's loss is {word} the reference's", f"{word} the loss",
                   afterwards(_times(factor)), USUAL)  # fmt: skip
    yield Idea("sign", "+", "-", "the port's loss has the other sign", "the other sign", afterwards(torch.neg), RARE)


def _times(factor: float) -> Any:
    return lambda one: one * factor


def afterwards_of(name: str, batch: int) -> Any:
    """The loss summed, over the size of the batch."""
    summed = altered(name, reduction="sum")
    return lambda func, args, kwargs: summed(func, args, kwargs) / batch


def _of_classes(view: View) -> Iterator[Idea]:
    name, given = view.call.name, view.given
    classes = given["input"].shape[1 if len(given["input"].shape) > 1 else 0]
    if given["weight"] is not None:
        yield Idea("weight", "used", "ignored", "the port ignores the class weights", "class weights ignored",
                   altered(name, weight=None), DEFAULT)  # fmt: skip
        text = "the port divides the weighted loss by the number of rows, the reference by the sum of their weights"
        yield Idea("weight", "by the sum of weights", "by the number of rows", text, "weighted loss over the rows",
                   _over_rows(name), DEFAULT)  # fmt: skip
    ignored = given["ignore_index"]
    clamped = altered(name, ignore_index=-(10**6),
                      target=lambda one: one["target"].clamp(min=0) if ignored < 0 else one["target"])  # fmt: skip
    if not (isinstance(given["target"], Described) and given["target"].dtype.startswith("float")):
        yield Idea("ignore_index", str(ignored), "none", "the port counts the rows that the reference ignores "
                   f"(ignore_index={ignored})", "ignored rows counted", clamped, USUAL)  # fmt: skip
        yield Idea("ignore_index", str(ignored), "0", "the port ignores rows of class 0", "class 0 ignored",
                   altered(name, ignore_index=0), POSSIBLE)  # fmt: skip
        yield Idea("ignore_index", "mean over counted rows", "mean over all rows", "the port divides by all rows, the "
                   "reference by those that are not ignored", "mean over all rows", _over_all(name), USUAL)  # fmt: skip
        for shift in (1, -1):
            yield Idea("labels", "y", f"y {shift:+d}", f"the port's labels are shifted by {shift:+d}",
                       f"labels {shift:+d}", altered(name, target=lambda one, shift=shift: (one["target"] + shift) %
                                                     classes), RARE)  # fmt: skip
    if name == "cross_entropy":
        for amount, rank in candidates(view, "label_smoothing", given["label_smoothing"], (0.0, 0.1), USUAL):
            yield value("label_smoothing", given["label_smoothing"], amount, altered(name, label_smoothing=amount),
                        rank)  # fmt: skip
        twice = altered(name, input=lambda one: F.softmax(one["input"], 1 if one["input"].ndim > 1 else 0))
        yield Idea("softmax", "none", "before the loss", "the port applies a softmax before the cross-entropy, which "
                   "applies one itself", "softmax before cross-entropy", twice, DEFAULT)  # fmt: skip
        for axis in (-1, 0):
            yield Idea("axis", "classes", str(axis), f"the port's log-softmax runs over axis {axis}",
                       f"log-softmax over axis {axis}", _over_axis(name, axis), POSSIBLE)  # fmt: skip


def _over_rows(name: str) -> Any:
    summed = altered(name, reduction="sum")

    def replacement(func: Any, args: tuple, kwargs: dict) -> Any:
        return summed(func, args, kwargs) / args[1].numel()

    return replacement


def _over_all(name: str) -> Any:
    return _over_rows(name)


def _over_axis(name: str, axis: int) -> Any:
    def formula(given: dict[str, Any]) -> Tensor:
        logs = F.log_softmax(given["input"], axis)
        return F.nll_loss(logs, given["target"], given["weight"], None, given["ignore_index"], None, given["reduction"])

    return computed(name, formula)


def _squares(view: View) -> Iterator[Idea]:
    yield _other(view, "absolute error", F.l1_loss)
    yield Idea("root", "none", "square root", "the port's loss is the root of the mean square", "root of the loss",
               afterwards(torch.sqrt), POSSIBLE)  # fmt: skip


def _absolute(view: View) -> Iterator[Idea]:
    yield _other(view, "squared error", F.mse_loss)
    yield _other(view, "smooth L1", F.smooth_l1_loss)


def _huber(view: View) -> Iterator[Idea]:
    name, given = view.call.name, view.given
    setting = "delta" if name == "huber_loss" else "beta"
    own = given[setting]
    other, word = (F.smooth_l1_loss, "smooth L1") if name == "huber_loss" else (F.huber_loss, "Huber")
    same = computed(name, lambda one: _swapped(other, one, own))
    divides = "divides by" if name == "huber_loss" else "does not divide by"
    yield Idea("form", name, word, f"the port uses {word} of {setting} {own:g}, which {divides} it",
               f"{word} of the same width", same, DEFAULT)  # fmt: skip
    for width, rank in candidates(view, setting, own, (1.0, 0.5, 0.1), USUAL):
        yield value(setting, own, width, altered(name, **{setting: width}), rank)


def _swapped(function: Any, given: dict[str, Any], width: float) -> Tensor:
    keyword = "beta" if function is F.smooth_l1_loss else "delta"
    return function(given["input"], given["target"], reduction=given["reduction"], **{keyword: width})


def _divergence(view: View) -> Iterator[Idea]:
    name, given = view.call.name, view.given
    yield Idea("log_target", str(given["log_target"]), str(not given["log_target"]), "the port takes the target for "
               f"{'probabilities' if given['log_target'] else 'logarithms'}", f"log_target {not given['log_target']}",
               altered(name, log_target=not given["log_target"]), USUAL)  # fmt: skip
    turned = altered(name, input=lambda one: one["target"].log(), target=lambda one: one["input"].exp())
    yield Idea("direction", "KL(target, input)", "KL(input, target)", "the port exchanges the two distributions",
               "distributions exchanged", turned, USUAL)  # fmt: skip


def _binary(view: View) -> Iterator[Idea]:
    name, given = view.call.name, view.given
    if name == "binary_cross_entropy_with_logits":
        squashed = altered(name, input=lambda one: torch.sigmoid(one["input"]))
        yield Idea("sigmoid", "none", "before the loss", "the port applies a sigmoid before the loss, which "
                   "applies one itself", "sigmoid before the loss", squashed, DEFAULT)  # fmt: skip
        if given["pos_weight"] is not None:
            yield Idea("pos_weight", "used", "ignored", "the port ignores pos_weight", "pos_weight ignored",
                       altered(name, pos_weight=None), DEFAULT)  # fmt: skip
    else:
        yield Idea("clamp", "logarithms above -100", "none", "the port does not clamp the logarithms at -100, the "
                   "reference does", "logarithms not clamped", computed(name, _unclamped), USUAL)  # fmt: skip
    if given["weight"] is not None:
        yield Idea("weight", "used", "ignored", "the port ignores the weight", "weight ignored",
                   altered(name, weight=None), DEFAULT)  # fmt: skip


def _unclamped(given: dict[str, Any]) -> Tensor:
    p, y = given["input"], given["target"]
    loss = -torch.xlogy(y, p) - torch.xlogy(1 - y, 1 - p)
    return loss.mean() if given["reduction"] == "mean" else loss.sum() if given["reduction"] == "sum" else loss


def _other(view: View, word: str, function: Any) -> Idea:
    change = computed(view.call.name, lambda one: function(one["input"], one["target"], reduction=one["reduction"]))
    return Idea("loss", view.call.name, word, f"the port's loss is the {word}", word, change, USUAL)


_OWN: dict[str, Family] = {
    "mse_loss": _squares,
    "l1_loss": _absolute,
    "huber_loss": _huber,
    "smooth_l1_loss": _huber,
    "kl_div": _divergence,
    "binary_cross_entropy": _binary,
    "binary_cross_entropy_with_logits": _binary,
}
FAMILIES: dict[str, Family] = dict.fromkeys([*_CLASSES, *_OWN], ideas)
