"""Pooling, global pooling and resizing."""

from collections.abc import Iterator
from itertools import combinations
from typing import Any

import torch
from torch.nn import functional as F

from compare.explain.calls.call import Described
from compare.explain.calls.counting import Replacement
from compare.explain.doctor.segment.ideas import (
    DEFAULT,
    POSSIBLE,
    RARE,
    USUAL,
    Family,
    Idea,
    View,
    altered,
    computed,
    value,
)
from compare.explain.doctor.segment.padding import same, shown, uniform

_MAX = {1: F.max_pool1d, 2: F.max_pool2d, 3: F.max_pool3d}
_AVG = {1: F.avg_pool1d, 2: F.avg_pool2d, 3: F.avg_pool3d}


def ideas(view: View) -> Iterator[Idea]:
    """Of a pooling: stride, padding, what counts, and one kind for the other."""
    name, given = view.call.name, view.given
    axes, kind = int(name[-2]), name[:3]
    size = uniform(given["kernel_size"], axes)
    stride = uniform(given["stride"] or given["kernel_size"], axes)
    one = (1,) * axes
    for other in dict.fromkeys([one, size, (2,) * axes]):
        if other != stride:
            rank = DEFAULT if other == one else USUAL
            yield value("stride", stride, other, altered(name, stride=other), rank)
    yield from _padding(view, name, given, axes, size, stride)
    yield value("ceil_mode", given["ceil_mode"], not given["ceil_mode"],
                altered(name, ceil_mode=not given["ceil_mode"]), USUAL)  # fmt: skip
    if kind == "avg" and any(uniform(given["padding"], axes)):
        counts = given["count_include_pad"]
        verbs = ("counts", "does not count") if counts else ("does not count", "counts")
        yield Idea("count_include_pad", "counted" if counts else "not counted", "not counted" if counts else
                   "counted", f"the port {verbs[1]} the padding in the average, the reference {verbs[0]} it",
                   "padding not counted" if counts else "padding counted",
                   altered(name, count_include_pad=not counts), DEFAULT)  # fmt: skip
    word, function = ("average", _AVG[axes]) if kind == "max" else ("maximum", _MAX[axes])
    kind = "maximum" if kind == "max" else "average"
    yield Idea("pooling", kind, word, f"the port takes the {word} where the reference takes the {kind}",
               f"{word} pooling", computed(name, lambda one: function(
                   one["input"], one["kernel_size"], one["stride"], one["padding"])), USUAL)  # fmt: skip
    if kind == "average":
        yield Idea("pooling", "average", "sum", "the port takes the sum where the reference takes the average",
                   "sum pooling", _summed(name, size), POSSIBLE)  # fmt: skip


def _summed(name: str, size: tuple[int, ...]) -> Replacement:
    count = 1
    for n in size:
        count *= n
    return lambda func, args, kwargs: func(*args, **kwargs) * count


def _padding(view: View, name: str, given: dict[str, Any], axes: int, size: tuple[int, ...],
             stride: tuple[int, ...]) -> Iterator[Idea]:  # fmt: skip
    own = tuple((p, p) for p in uniform(given["padding"], axes))
    shape = view.first.shape[-axes:] if view.first else ()
    dilation = uniform(given.get("dilation") or 1, axes)
    reach = tuple(d * (k - 1) for k, d in zip(size, dilation, strict=True))
    named = {
        "VALID": tuple((0, 0) for _ in size),
        "SAME": tuple(same(n, r, s) for n, r, s in zip(shape, reach, stride, strict=True)),
    }
    for word, pairs in named.items():
        if pairs != own:
            text = f"padding is {word}: {shown(pairs)} in the port, {shown(own)} in the reference"
            yield Idea("padding", shown(own), word, text, f"padding {word}", padded(name, pairs), DEFAULT)
    if name.startswith("max") and any(low for low, _ in own):
        yield Idea("padding value", "-inf", "0", "the port pads with 0 before the maximum, the reference with -inf",
                   "padding with 0", padded(name, own, 0.0), USUAL)  # fmt: skip
    if name.startswith("avg") and named["SAME"] != own:
        yield Idea("padding", shown(own), "SAME, not counted", "padding is SAME in the port and not counted in the "
                   "average", "padding SAME, not counted", _same_uncounted(name, named["SAME"]), USUAL)  # fmt: skip


def padded(name: str, pairs: tuple[tuple[int, int], ...], fill: float | None = None) -> Replacement:
    """The pooling without its own padding, of an input padded by ``pairs`` with ``fill`` (-inf before a maximum)."""
    number = fill if fill is not None else float("-inf") if name.startswith("max") else 0.0
    flat = [n for pair in reversed(pairs) for n in pair]
    return altered(name, input=lambda one: F.pad(one["input"], flat, value=number), padding=0)


def _same_uncounted(name: str, pairs: tuple[tuple[int, int], ...]) -> Replacement:
    def replacement(func: Any, args: tuple, kwargs: dict) -> Any:
        total = padded(name, pairs)(func, args, kwargs)
        ones = torch.ones_like(args[0])
        return total / padded(name, pairs)(func, (ones, *args[1:]), kwargs)

    return replacement


def whole(view: View) -> Iterator[Idea]:
    """Of adaptive pooling: one kind for the other, and the sum."""
    name = view.call.name
    axes = int(name[-2])
    average = "avg" in name
    kind, other = ("average", "maximum") if average else ("maximum", "average")
    functions: dict[str, Any] = {
        "average": {1: F.adaptive_avg_pool1d, 2: F.adaptive_avg_pool2d, 3: F.adaptive_avg_pool3d},
        "maximum": {1: F.adaptive_max_pool1d, 2: F.adaptive_max_pool2d, 3: F.adaptive_max_pool3d},
    }
    function: Any = functions[other][axes]
    yield Idea("pooling", kind, other, f"the port takes the {other} where the reference takes the {kind}",
               f"{other} pooling", lambda func, args, kwargs: function(*args), USUAL)  # fmt: skip
    if average:
        shape = view.first.shape[-axes:] if view.first else ()
        count = 1
        for n in shape:
            count *= n
        yield Idea("pooling", "average", "sum", "the port takes the sum where the reference takes the average",
                   "sum pooling", lambda func, args, kwargs: func(*args, **kwargs) * count, USUAL)  # fmt: skip
        yield from _other_axes(view, axes)


def _other_axes(view: View, axes: int) -> Iterator[Idea]:
    """The mean over axes that leave as many numbers, where only one is left of each map."""
    shape, result = view.first.shape if view.first else (), view.call.result
    if not isinstance(result, Described) or any(n != 1 for n in result.shape[-axes:]):
        return
    own = tuple(range(len(shape) - axes, len(shape)))
    for others in combinations(range(len(shape)), axes):
        left = [n for axis, n in enumerate(shape) if axis not in others]
        if others != own and left == [n for axis, n in enumerate(shape) if axis not in own]:
            text = f"the average runs over axes {others} in the port, {own} in the reference"
            yield Idea("axis", str(own), str(others), text, f"average over axes {others}", _mean(others, result.shape),
                       POSSIBLE)  # fmt: skip


def _mean(axes: tuple[int, ...], shape: tuple[int, ...]) -> Replacement:
    return lambda func, args, kwargs: args[0].mean(axes).reshape(shape)


def resize(view: View) -> Iterator[Idea]:
    """Of ``F.interpolate``: the method, its corners, and whether it is smoothed first."""
    given = view.given
    mode, corners = given["mode"], given["align_corners"]
    linear = {3: "linear", 4: "bilinear", 5: "trilinear"}[len(view.first.shape) if view.first else 4]
    if mode in ("bilinear", "bicubic", "linear", "trilinear"):
        align = not corners
        yield Idea("align_corners", str(bool(corners)), str(align), f"align_corners is {align} in the port, "
                   f"{bool(corners)} in the reference", f"align_corners {align}",
                   altered("interpolate", align_corners=align), DEFAULT)  # fmt: skip
        if mode in ("bilinear", "bicubic"):
            smooth = not given["antialias"]
            yield Idea("antialias", str(given["antialias"]), str(smooth), f"antialias is {smooth} in the port, "
                       f"{given['antialias']} in the reference", f"antialias {smooth}",
                       altered("interpolate", antialias=smooth, align_corners=None), DEFAULT)  # fmt: skip
    for other in ("nearest-exact", linear, "bicubic", "nearest", "area"):
        if other != mode and not (other == "bicubic" and linear != "bilinear"):
            change = altered("interpolate", mode=other, align_corners=None, antialias=False)
            rank = DEFAULT if other == "nearest-exact" else POSSIBLE
            yield Idea("method", mode, other, f"the port resizes by {other}, the reference by {mode}",
                       f"{other} resize", change, rank)  # fmt: skip
    if mode == "bicubic":
        keys = computed("interpolate", _keys)
        yield Idea("cubic coefficient", "-0.75", "-0.5", "the port's cubic has the coefficient -0.5, the reference's "
                   "-0.75", "cubic of -0.5", keys, DEFAULT)  # fmt: skip


def _keys(given: dict[str, Any]) -> torch.Tensor:
    """Torch uses -0.5 where it smooths; where it enlarges, smoothing changes nothing else."""
    return F.interpolate(given["input"], given["size"], given["scale_factor"], "bicubic", False, antialias=True)


def shuffle(view: View) -> Iterator[Idea]:
    """Of ``pixel_shuffle``: the channels' order."""

    def other(func: Any, args: tuple, kwargs: dict) -> torch.Tensor:
        x, factor = args[0], args[1] if len(args) > 1 else kwargs["upscale_factor"]
        n, c, h, w = x.shape
        split = x.reshape(n, factor, factor, c // factor**2, h, w)
        return split.permute(0, 3, 4, 1, 5, 2).reshape(n, c // factor**2, h * factor, w * factor)

    yield Idea("channel order", "(channels, blocks)", "(blocks, channels)", "the port reads the channels as (blocks, "
               "channels), the reference as (channels, blocks)", "blocks before channels", other, RARE - 2)  # fmt: skip


FAMILIES: dict[str, Family] = {
    **dict.fromkeys([f"{kind}_pool{axes}d" for kind in ("max", "avg") for axes in (1, 2, 3)], ideas),
    **dict.fromkeys([f"adaptive_{kind}_pool{axes}d" for kind in ("max", "avg") for axes in (1, 2, 3)], whole),
    "interpolate": resize,
    "pixel_shuffle": shuffle,
}
