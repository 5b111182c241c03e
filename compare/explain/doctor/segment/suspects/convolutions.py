"""Convolutions, plain and transposed, and padding by itself."""

from collections.abc import Iterator
from functools import partial
from typing import Any

import torch
from torch.nn import functional as F

from compare.explain.calls.counting import Function, Replacement
from compare.explain.calls.signatures import Given, bound
from compare.explain.doctor.segment.ideas import Family, Idea, View, afterwards, altered, candidates, value
from compare.explain.doctor.segment.padding import SAME, Pairs, same, shown, translated, uniform
from compare.explain.doctor.thresholds import DEFAULT, POSSIBLE, RARE, READ, USUAL


def ideas(view: View) -> Iterator[Idea]:
    """Of a convolution: padding, stride, dilation, and how the kernel lies."""
    given = view.given
    axes = int(view.call.name[-2])
    yield from _paddings(view, given, axes)
    own = uniform(given["dilation"], axes)
    reach = _following(given, own, axes)
    for other, rank in candidates(view, "dilation", own, ((1,) * axes, (2,) * axes), POSSIBLE) if reach else ():
        half = tuple(d * n // 2 for d, n in zip(other, reach, strict=True))
        text = f"dilation is {shown(other)} in the port, {shown(own)} in the reference, and its padding follows it"
        change = altered(dilation=tuple(other), padding=half)
        yield Idea("dilation", shown(own), shown(other), change, rank, text, f"dilation {shown(other)}, padded alike")
    yield from _kernel(given, axes)


def _following(given: Given, dilation: tuple[int, ...], axes: int) -> tuple[int, ...]:
    """The kernel's sizes less one, where the padding is half of what the dilated kernel reaches; else nothing."""
    reach = tuple(n - 1 for n in given["weight"].shape[2:])
    own = given["padding"]
    half = tuple(d * n // 2 for d, n in zip(dilation, reach, strict=True))
    follows = own == "same" or (own != "valid" and uniform(own, axes) == half)
    return reach if follows and all(n % 2 == 0 for n in reach) else ()


def _paddings(view: View, given: Given, axes: int) -> Iterator[Idea]:
    stride, dilation = uniform(given["stride"], axes), uniform(given["dilation"], axes)
    size = given["weight"].shape[2:]
    reach = tuple(d * (k - 1) for k, d in zip(size, dilation, strict=True))
    half = tuple((r // 2, r - r // 2) for r in reach)
    own = given["padding"]
    pairs: Pairs = half if own == "same" else tuple((p, p) for p in uniform(0 if own == "valid" else own, axes))
    shape = given["input"].shape[-axes:]
    named: dict[str, Pairs] = {}
    if "padding" in view.read and view.read["padding"] != SAME:
        named[shown(view.read["padding"])] = view.read["padding"]
    named |= {
        "SAME": tuple(same(n, r, s) for n, r, s in zip(shape, reach, stride, strict=True)),
        "VALID": tuple((0, 0) for _ in size),
        shown(half): half,
        "causal": tuple((r, 0) for r in reach),
        "one more at the end": tuple((low, high + 1) for low, high in pairs),
        "one less at the beginning, one more at the end": tuple((low - 1, high + 1) for low, high in pairs),
    }
    tried = {pairs}
    for word, other in named.items():
        if other in tried:
            continue
        tried.add(other)
        rank = READ if shown(view.read.get("padding")) == word else DEFAULT if word in ("SAME", "VALID") else POSSIBLE
        meant = f"{word}: {shown(other)}" if word in ("SAME", "VALID", "causal") else shown(other)
        text = f"padding is {meant} in the port, {shown(pairs)} in the reference"
        yield Idea("padding", shown(pairs), word, padded(other), rank, text)
    if any(low or high for low, high in pairs):
        for mode in ("circular", "reflect", "replicate"):
            yield value("padding_mode", "zeros", mode, padded(pairs, mode), POSSIBLE)


def padded(pairs: Pairs, mode: str = "constant", fill: float = 0.0) -> Replacement:
    """The call without its own padding, of an input padded by ``pairs`` (negative: cut off), with ``fill``."""
    flat = [n for pair in reversed(pairs) for n in pair]
    constant = {"value": fill} if mode == "constant" else {}
    return altered(input=lambda given: F.pad(given["input"], flat, mode=mode, **constant), padding=0)


def _kernel(given: Given, axes: int) -> Iterator[Idea]:
    shape = given["weight"].shape
    if any(n > 1 for n in shape[2:]):
        yield value("kernel", "as it is", "flipped", altered(
            weight=lambda own: own["weight"].flip(tuple(range(-axes, 0)))), POSSIBLE)  # fmt: skip
    if axes == 2 and shape[2] == shape[3] > 1:
        yield value("kernel", "(height, width)", "(width, height)", altered(
            weight=lambda own: own["weight"].transpose(-1, -2)), POSSIBLE)  # fmt: skip
    if shape[0] == shape[1]:
        yield value("kernel", "(out, in)", "(in, out)", altered(weight=_turned), POSSIBLE)
    if given["groups"] > 1:
        yield value("groups", "neighbouring channels", "every n-th channel", altered(input=_interleaved), RARE)
        if shape[0] > given["groups"]:
            dealt = afterwards(partial(_dealt, given["groups"]))
            yield value("groups", "results of one group together", "one of each group in turn", dealt, POSSIBLE)


def _turned(given: Given) -> torch.Tensor:
    weight: torch.Tensor = given["weight"]
    return weight.transpose(0, 1)


def _dealt(groups: int, result: torch.Tensor) -> torch.Tensor:
    """The channels of a result ordered (of a group, groups) for (groups, of a group)."""
    return result.reshape(len(result), groups, -1, *result.shape[2:]).transpose(1, 2).reshape(result.shape)


def _interleaved(given: Given) -> torch.Tensor:
    x, groups = given["input"], given["groups"]
    return x.reshape(len(x), -1, groups, *x.shape[2:]).transpose(1, 2).reshape(x.shape)


def transposed(view: View) -> Iterator[Idea]:
    """Of a transposed convolution: what is cut off its full result, and which way the kernel lies."""
    given = view.given
    axes = int(view.call.name[-2])
    stride, dilation = uniform(given["stride"], axes), uniform(given["dilation"], axes)
    size = given["weight"].shape[2:]
    own = tuple((p, p - o) for p, o in zip(
        uniform(given["padding"], axes), uniform(given["output_padding"], axes), strict=True))  # fmt: skip
    flip = {"weight": lambda has: has["weight"].flip(tuple(range(-axes, 0)))}
    yield value("kernel", "flipped", "not flipped", altered(**flip), DEFAULT)
    named: dict[str, Any] = {"SAME": "SAME", "VALID": "VALID"}
    named["padding counted as Flax does"] = given["padding"] if isinstance(given["padding"], int) else [
        (p, p) for p in given["padding"]]  # fmt: skip
    if "padding" in view.read:
        named = {shown(view.read["padding"]): None} | named
    for word, padding in named.items():
        cut: Any = view.read["padding"] if padding is None else translated(padding, size, stride, dilation, True)
        text = f"the port cuts off {shown(cut)} of the full result ({word}), the reference {shown(own)}"
        if cut != own:
            yield Idea("padding", shown(own), word, _cut(cut, {}), READ if padding is None else DEFAULT, text)
            yield Idea("padding and kernel", f"{shown(own)}, flipped", f"{word}, not flipped", _cut(cut, flip), USUAL,
                       f"{text}; and it does not flip the kernel")  # fmt: skip
    if given["weight"].shape[0] == given["weight"].shape[1]:
        yield value("kernel", "(in, out)", "(out, in)", altered(weight=_turned))


def _cut(cut: Pairs, changes: Given) -> Replacement:
    def replacement(func: Function, args: tuple, kwargs: dict) -> Any:
        bias = bound(func, args, kwargs)["bias"]
        full = altered(padding=0, output_padding=0, bias=None, **changes)(func, args, kwargs)
        out = F.pad(full, [-n for pair in reversed(cut) for n in pair])
        return out if bias is None else out + bias.reshape(-1, *(1,) * len(cut))

    return replacement


def pad(view: View) -> Iterator[Idea]:
    """Of ``F.pad``: on which side, in which order of axes."""
    amounts = list(view.given["pad"])
    pairs = list(zip(amounts[::2], amounts[1::2], strict=True))
    front = [n for pair in reversed(pairs) for n in pair]
    orders = {
        "with the sides exchanged": [n for low, high in pairs for n in (high, low)],
        "with the axes in the other order": front,
        "with the first axes": [0] * (2 * len(view.shape) - len(front)) + front,
        "both sides alike": [n for low, high in pairs for n in ((low + high) // 2, (low + high + 1) // 2)],
    }
    for words, order in orders.items():
        if order != amounts:
            own, other = str(tuple(amounts)), str(tuple(order))
            yield Idea("padding", own, other, altered(pad=order), USUAL, f"the port pads {words}", f"padding {words}")


FAMILIES: dict[str, Family] = {
    **dict.fromkeys(("conv1d", "conv2d", "conv3d"), ideas),
    **dict.fromkeys(("conv_transpose1d", "conv_transpose2d", "conv_transpose3d"), transposed),
    "pad": pad,
}
