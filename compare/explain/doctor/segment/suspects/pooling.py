"""Pooling, global pooling and resizing."""

from collections.abc import Iterator
from itertools import combinations
from math import prod
from typing import Any

import torch
from torch.nn import functional as F

from compare.explain.calls.call import Described
from compare.explain.calls.counting import Function, Replacement
from compare.explain.calls.signatures import Given
from compare.explain.doctor.segment.ideas import Family, Idea, View, altered, computed, times, value
from compare.explain.doctor.segment.padding import Pairs, same, shown, uniform
from compare.explain.doctor.segment.suspects.convolutions import padded
from compare.explain.doctor.segment.suspects.kin import AXES
from compare.explain.doctor.thresholds import DEFAULT, POSSIBLE, USUAL


def ideas(view: View) -> Iterator[Idea]:
    """Of a pooling: stride, padding, what counts, and one kind for the other."""
    name, given = view.call.name, view.given
    axes, average = int(name[-2]), name.startswith("avg")
    size = uniform(given["kernel_size"], axes)
    stride = uniform(given["stride"] or given["kernel_size"], axes)
    for other in dict.fromkeys([(1,) * axes, size, (2,) * axes]):
        if other != stride:
            yield value("stride", stride, other, altered(stride=other), DEFAULT if max(other) == 1 else USUAL)
    yield from _padding(view, given, size, stride)
    if average:
        yield value("pooling", "average", "sum", times(prod(size)), POSSIBLE)


def _padding(view: View, given: Given, size: tuple[int, ...], stride: tuple[int, ...]) -> Iterator[Idea]:
    name, axes = view.call.name, len(size)
    own = tuple((p, p) for p in uniform(given["padding"], axes))
    dilation = uniform(given.get("dilation") or 1, axes)
    reach = tuple(d * (k - 1) for k, d in zip(size, dilation, strict=True))
    alike = tuple(same(n, r, s) for n, r, s in zip(view.shape[-axes:], reach, stride, strict=True))
    fill = float("-inf") if name.startswith("max") else 0.0
    for word, pairs in {"VALID": tuple((0, 0) for _ in size), "SAME": alike}.items():
        if pairs != own:
            text = f"padding is {word}: {shown(pairs)} in the port, {shown(own)} in the reference"
            yield Idea("padding", shown(own), word, padded(pairs, fill=fill), DEFAULT, text)
    if name.startswith("max") and any(low for low, _ in own):
        yield value("padding value", "-inf", "0", padded(own, fill=0.0))
    if name.startswith("avg") and alike != own:
        yield value("padding", shown(own), "SAME, not counted", _same_uncounted(alike))


def _same_uncounted(pairs: Pairs) -> Replacement:
    def replacement(func: Function, args: tuple, kwargs: dict) -> Any:
        ones = padded(pairs)(func, (torch.ones_like(args[0]), *args[1:]), kwargs)
        return padded(pairs)(func, args, kwargs) / ones

    return replacement


def whole(view: View) -> Iterator[Idea]:
    """Of an adaptive average: the sum, and other axes."""
    axes = int(view.call.name[-2])
    yield value("pooling", "average", "sum", times(prod(view.shape[-axes:])))
    yield from _other_axes(view, axes)


def _other_axes(view: View, axes: int) -> Iterator[Idea]:
    """The mean over axes that leave as many numbers, where only one is left of each map."""
    shape, result = view.shape, view.call.result
    if not isinstance(result, Described) or any(n != 1 for n in result.shape[-axes:]):
        return
    own = tuple(range(len(shape) - axes, len(shape)))
    for others in combinations(range(len(shape)), axes):
        left = [n for axis, n in enumerate(shape) if axis not in others]
        if others != own and left == [n for axis, n in enumerate(shape) if axis not in own]:
            text = f"the average runs over axes {others} in the port, {own} in the reference"
            yield value("axis", str(own), str(others), _mean(others, result.shape), POSSIBLE, text)


def _mean(axes: tuple[int, ...], shape: tuple[int, ...]) -> Replacement:
    return lambda func, args, kwargs: args[0].mean(axes).reshape(shape)


def resize(view: View) -> Iterator[Idea]:
    """Of ``F.interpolate``: the method, and by what ratio places are counted."""
    mode, result = view.given["mode"], view.call.result
    if view.given["scale_factor"] is not None and isinstance(result, Described):
        by_size = altered(scale_factor=None, size=tuple(result.shape[2:]), recompute_scale_factor=None)
        yield value("scale_factor", "as it is given", "that of the sizes", by_size, DEFAULT)
    linear = {3: "linear", 4: "bilinear", 5: "trilinear"}[len(view.shape)]
    for other in ("nearest-exact", linear, "bicubic", "nearest", "area"):
        if other != mode:
            change = altered(mode=other, align_corners=None, antialias=False)
            yield value("method", mode, other, change, DEFAULT if other == "nearest-exact" else POSSIBLE)
    if mode == "bicubic":
        yield value("cubic coefficient", "-0.75", "-0.5", computed(_keys), DEFAULT)


def _keys(given: Given) -> torch.Tensor:
    """Torch uses -0.5 where it smooths; where it enlarges, smoothing changes nothing else."""
    return F.interpolate(given["input"], given["size"], given["scale_factor"], "bicubic", False, antialias=True)


def shuffle(view: View) -> Iterator[Idea]:
    """Of ``pixel_shuffle``: the channels' order."""

    def other(given: Given) -> torch.Tensor:
        x, factor = given["input"], given["upscale_factor"]
        n, c, h, w = x.shape
        split = x.reshape(n, factor, factor, c // factor**2, h, w)
        return split.permute(0, 3, 4, 1, 5, 2).reshape(n, c // factor**2, h * factor, w * factor)

    yield value("channel order", "(channels, blocks)", "(blocks, channels)", computed(other))


FAMILIES: dict[str, Family] = {
    **dict.fromkeys([f"{kind}_pool{axes}d" for kind in ("max", "avg") for axes in AXES], ideas),
    **dict.fromkeys([f"adaptive_avg_pool{axes}d" for axes in AXES], whole),
    "interpolate": resize,
    "pixel_shuffle": shuffle,
}
