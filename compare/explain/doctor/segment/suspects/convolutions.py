"""Convolutions, plain and transposed, and padding by itself."""

from collections.abc import Iterator
from typing import Any

import torch
from torch.nn import functional as F

from compare.explain.calls.counting import Replacement
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
    bound,
    value,
)
from compare.explain.doctor.segment.padding import SAME, same, shown, translated, uniform

Pairs = tuple[tuple[int, int], ...]
MODES = ("circular", "reflect", "replicate", "constant")
_WORDS = {"constant": "zeros"}
_SAID = {"constant": "a constant", **{mode: f"{mode} values" for mode in ("circular", "reflect", "replicate")}}


def ideas(view: View) -> Iterator[Idea]:
    """Of a convolution: padding, stride, dilation, and how the kernel lies."""
    name, given = view.call.name, view.given
    axes = int(name[-2])
    yield from _paddings(view, name, given, axes)
    for setting in ("stride", "dilation"):
        own = uniform(given[setting], axes)
        usual = tuple((n,) * axes for n in (1, 2) if (n,) * axes != own)
        read = [(view.read[setting], READ)] if setting in view.read else []
        for other, rank in [*read, *((one, POSSIBLE) for one in usual)]:
            yield value(setting, own, tuple(other), altered(name, **{setting: tuple(other)}), rank)
            if setting == "dilation" and (pads := _following(given, own, axes)):
                yield _undilated(name, own, tuple(other), pads, rank)
    yield from _kernel(name, given, axes)


def _following(given: dict[str, Any], dilation: tuple[int, ...], axes: int) -> tuple[int, ...]:
    """The kernel's sizes less one, where the padding is half of what the dilated kernel reaches; else nothing."""
    reach = tuple(n - 1 for n in given["weight"].shape[2:])
    own = given["padding"]
    half = tuple(d * n // 2 for d, n in zip(dilation, reach, strict=True))
    follows = own == "same" or (own != "valid" and uniform(own, axes) == half)
    return reach if follows and all(n % 2 == 0 for n in reach) else ()


def _undilated(name: str, own: tuple[int, ...], other: tuple[int, ...], reach: tuple[int, ...], rank: int) -> Idea:
    half = tuple(d * n // 2 for d, n in zip(other, reach, strict=True))
    text = f"dilation is {shown(other)} in the port, {shown(own)} in the reference, and its padding follows it"
    change = altered(name, dilation=other, padding=half)
    return Idea("dilation", shown(own), shown(other), text, f"dilation {shown(other)}, padded alike", change, rank)


def _paddings(view: View, name: str, given: dict[str, Any], axes: int) -> Iterator[Idea]:
    stride, dilation = uniform(given["stride"], axes), uniform(given["dilation"], axes)
    size = given["weight"].shape[2:]
    reach = tuple(d * (k - 1) for k, d in zip(size, dilation, strict=True))
    own = given["padding"]
    if own == "same":
        pairs: Pairs = tuple((r // 2, r - r // 2) for r in reach)
    else:
        pairs = tuple((p, p) for p in uniform(0 if own == "valid" else own, axes))
    shape = given["input"].shape[-axes:]
    named: dict[str, Pairs] = {}
    if "padding" in view.read and view.read["padding"] != SAME:
        named[shown(view.read["padding"])] = view.read["padding"]
    named["SAME"] = tuple(same(n, r, s) for n, r, s in zip(shape, reach, stride, strict=True))
    named |= {
        "VALID": tuple((0, 0) for _ in size),
        shown(tuple((r // 2, r - r // 2) for r in reach)): tuple((r // 2, r - r // 2) for r in reach),
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
        yield Idea("padding", shown(pairs), word, text, f"padding {word}", padded(name, other), rank)
    if any(low or high for low, high in pairs):
        for mode in MODES[:3]:
            yield Idea("padding_mode", "zeros", mode, f"the port pads with {_SAID[mode]}, the reference with zeros",
                       f"{mode} padding", padded(name, pairs, mode), POSSIBLE)  # fmt: skip


def padded(name: str, pairs: Pairs, mode: str = "constant") -> Replacement:
    """The convolution without its own padding, of an input padded by ``pairs`` (negative: cut off)."""

    def replacement(func: Any, args: tuple, kwargs: dict) -> Any:
        given = bound(name, args, kwargs)
        flat = [n for pair in reversed(pairs) for n in pair]
        wide = F.pad(given["input"], flat, mode=mode)
        return altered(name, input=wide, padding=0)(func, args, kwargs)

    return replacement


def _kernel(name: str, given: dict[str, Any], axes: int) -> Iterator[Idea]:
    spatial = tuple(range(-axes, 0))
    shape = given["weight"].shape
    if any(n > 1 for n in shape[2:]):
        yield Idea("kernel", "as it is", "flipped", "the port flips the kernel along its spatial axes",
                   "kernel flipped",
                   altered(name, weight=lambda one: one["weight"].flip(spatial)), POSSIBLE)  # fmt: skip
    if axes == 2 and shape[2] == shape[3] > 1:
        yield Idea("kernel", "(height, width)", "(width, height)", "the port's kernel has height and width exchanged",
                   "kernel's height and width exchanged",
                   altered(name, weight=lambda one: one["weight"].transpose(-1, -2)), POSSIBLE)  # fmt: skip
    if shape[0] == shape[1]:
        yield Idea("kernel", "(out, in)", "(in, out)", "the port's kernel has its input and output channels exchanged",
                   "kernel's channels exchanged",
                   altered(name, weight=lambda one: one["weight"].transpose(0, 1)), POSSIBLE)  # fmt: skip
    if given["bias"] is not None:
        yield Idea("bias", "learnt", "none", "the port leaves out the bias of the convolution", "no bias",
                   altered(name, bias=None), USUAL)  # fmt: skip
    if given["groups"] > 1:
        yield Idea("groups", "neighbouring channels", "every n-th channel", "the port groups every n-th input channel, "
                   "the reference neighbouring ones", "interleaved groups",
                   altered(name, input=_interleaved), RARE)  # fmt: skip


def _interleaved(given: dict[str, Any]) -> torch.Tensor:
    x, groups = given["input"], given["groups"]
    return x.reshape(len(x), -1, groups, *x.shape[2:]).transpose(1, 2).reshape(x.shape)


def transposed(view: View) -> Iterator[Idea]:
    """Of a transposed convolution: what is cut off its full result, and which way the kernel lies."""
    name, given = view.call.name, view.given
    axes = int(name[-2])
    stride, dilation = uniform(given["stride"], axes), uniform(given["dilation"], axes)
    size = given["weight"].shape[2:]
    own = tuple((p, p - o) for p, o in zip(
        uniform(given["padding"], axes), uniform(given["output_padding"], axes), strict=True))  # fmt: skip
    flip = {"weight": lambda one: one["weight"].flip(tuple(range(-axes, 0)))}
    flipped = "the port does not flip the kernel (transpose_kernel=False), the reference does"
    yield Idea("kernel", "flipped", "not flipped", flipped, "kernel not flipped", altered(name, **flip), DEFAULT)
    named: dict[str, Any] = {"SAME": "SAME", "VALID": "VALID"}
    named["padding counted as Flax does"] = given["padding"] if isinstance(given["padding"], int) else [
        (p, p) for p in given["padding"]]  # fmt: skip
    if "padding" in view.read:
        named = {shown(view.read["padding"]): None} | named
    for word, padding in named.items():
        cut: Any = view.read["padding"] if padding is None else translated(padding, size, stride, dilation, True)
        rank = READ if padding is None else DEFAULT
        text = f"the port cuts off {shown(cut)} of the full result ({word}), the reference {shown(own)}"
        if cut != own:
            yield Idea("padding", shown(own), word, text, f"padding {word}", _cut(name, cut, {}), rank)
            both = f"{text}; and it does not flip the kernel"
            yield Idea("padding and kernel", f"{shown(own)}, flipped", f"{word}, not flipped", both,
                       f"padding {word}, kernel not flipped", _cut(name, cut, flip), USUAL)  # fmt: skip
    if given["bias"] is not None:
        yield Idea("bias", "learnt", "none", "the port leaves out the bias of the convolution", "no bias",
                   altered(name, bias=None), USUAL)  # fmt: skip
    if given["weight"].shape[0] == given["weight"].shape[1]:
        yield Idea("kernel", "(in, out)", "(out, in)", "the port's kernel has its input and output channels exchanged",
                   "kernel's channels exchanged",
                   altered(name, weight=lambda one: one["weight"].transpose(0, 1)), USUAL)  # fmt: skip


def _cut(name: str, cut: Pairs, changes: dict[str, Any]) -> Replacement:
    def replacement(func: Any, args: tuple, kwargs: dict) -> Any:
        bias = bound(name, args, kwargs)["bias"]
        full = altered(name, padding=0, output_padding=0, bias=None, **changes)(func, args, kwargs)
        out = F.pad(full, [-n for pair in reversed(cut) for n in pair])
        return out if bias is None else out + bias.reshape(-1, *(1,) * len(cut))

    return replacement


def pad(view: View) -> Iterator[Idea]:
    """Of ``F.pad``: what with, on which side, in which order of axes."""
    given = view.given
    own = given["mode"]
    for mode in MODES:
        if mode != own:
            here, there = _WORDS.get(own, own), _WORDS.get(mode, mode)
            change = altered("pad", mode=mode, value=None)
            yield Idea("padding_mode", here, there, f"the port pads with {_SAID[mode]}, the reference with "
                       f"{_SAID[own]}", f"{there} padding", change, USUAL)  # fmt: skip
    amounts = list(given["pad"])
    swapped = [n for pair in zip(amounts[1::2], amounts[::2], strict=True) for n in pair]
    turned = [n for pair in reversed(list(zip(amounts[::2], amounts[1::2], strict=True))) for n in pair]
    axes = len(view.first.shape) if view.first else 0
    front = [n for pair in reversed(list(zip(amounts[::2], amounts[1::2], strict=True))) for n in pair]
    front = [0] * (2 * axes - len(front)) + front
    for words, order in (("sides exchanged", swapped), ("axes in the other order", turned), ("first axes", front)):
        if order != amounts:
            yield Idea("padding", str(tuple(amounts)), str(tuple(order)), f"the port pads with the {words}",
                       f"padding with the {words}", altered("pad", pad=order), USUAL)  # fmt: skip
    if own == "constant":
        for number in (0.0, 1.0, -1e9, float("-inf")):
            if number != (given["value"] or 0.0):
                yield value("padding value", given["value"] or 0.0, number, altered("pad", value=number), RARE)
    split = [(low + high) // 2 for low, high in zip(amounts[::2], amounts[1::2], strict=True)]
    both = [n for total, low in zip(map(sum, zip(amounts[::2], amounts[1::2], strict=True)), split, strict=True)
            for n in (low, total - low)]  # fmt: skip
    if both != amounts:
        yield Idea("padding", str(tuple(amounts)), str(tuple(both)), "the port pads both sides alike",
                   "padding on both sides", altered("pad", pad=both), USUAL)  # fmt: skip


FAMILIES: dict[str, Family] = {
    **dict.fromkeys(("conv1d", "conv2d", "conv3d"), ideas),
    **dict.fromkeys(("conv_transpose1d", "conv_transpose2d", "conv_transpose3d"), transposed),
    "pad": pad,
}
