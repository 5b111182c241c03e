"""Means, sums, maxima, variances and running sums in the user's own code."""

from collections.abc import Iterator
from itertools import combinations
from typing import Any

import torch

from compare.explain.doctor.segment.ideas import DEFAULT, POSSIBLE, USUAL, Family, Idea, View, altered

_SPREADS: dict[str, Any] = {
    "var": torch.var, "std": torch.std, "var_mean": torch.var_mean, "std_mean": torch.std_mean,
}  # fmt: skip
_KINDS = {"mean": torch.mean, "sum": torch.sum, "maximum": torch.amax}


def reduced(view: View) -> Iterator[Idea]:
    """Of a mean, sum, maximum or variance: Bessel's correction, other axes, another reduction."""
    name = view.call.name
    if name in _SPREADS:
        yield from _corrected(view)
    yield from _axes(view)
    if name in ("mean", "sum", "amax"):
        for word, function in _KINDS.items():
            if name != ("amax" if word == "maximum" else word):
                yield Idea("reduction", name, word, f"the port takes the {word} where the reference takes the {name}",
                           f"{word} for {name}", _reduction(function),
                           USUAL if word != "maximum" else POSSIBLE)  # fmt: skip


def _axes(view: View) -> Iterator[Idea]:
    name, given = view.call.name, view.given
    count = len(view.first.shape) if view.first else 0
    dim = given.get("dim", given.get("axis"))
    dims = (dim,) if isinstance(dim, int) and not isinstance(dim, bool) else dim
    if not isinstance(dims, tuple | list) or not count:
        return
    own = {one % count for one in dims}
    for others in combinations(range(count), len(own)):
        if set(others) != own:
            shown = others[0] if len(others) == 1 else others
            yield Idea("axis", str(dim), str(shown), f"the {name} runs over axis {shown} in the port, {dim} in the "
                       f"reference", f"{name} over axis {shown}", _over(name, shown),
                       USUAL if len(own) == 1 else POSSIBLE)  # fmt: skip


def _over(name: str, dim: Any) -> Any:
    def replacement(func: Any, args: tuple, kwargs: dict) -> Any:
        return altered(name, dim=dim)(func, args, {one: kwargs[one] for one in kwargs if one != "axis"})

    return replacement


def _reduction(function: Any) -> Any:
    def replacement(func: Any, args: tuple, kwargs: dict) -> Any:
        dim = args[1] if len(args) > 1 else kwargs.get("dim", kwargs.get("axis"))
        keep = args[2] if len(args) > 2 else kwargs.get("keepdim", False)
        dim = tuple(range(args[0].ndim)) if dim is None else dim
        return function(args[0], dim=dim, keepdim=keep)

    return replacement


def _corrected(view: View) -> Iterator[Idea]:
    name, given = view.call.name, view.given
    unbiased = bool(given["correction"] if given.get("correction") is not None else given["unbiased"])
    own, other = ("N - 1", "N") if unbiased else ("N", "N - 1")

    def replacement(func: Any, args: tuple, kwargs: dict) -> Any:
        dim = args[1] if len(args) > 1 and not isinstance(args[1], bool) else kwargs.get("dim", kwargs.get("axis"))
        keep = kwargs.get("keepdim", args[3] if len(args) > 3 else False)
        return _SPREADS[name](args[0], dim=dim, correction=0 if unbiased else 1, keepdim=keep)

    word = name.removesuffix("_mean")
    yield Idea("unbiased", f"divided by {own}", f"divided by {other}", f"the {word} divides by {other} in the port, by "
               f"{own} in the reference", f"{word} over {other}", replacement, DEFAULT)  # fmt: skip


def accumulated(view: View) -> Iterator[Idea]:
    """Of a running sum: without the entry itself, and from the end."""
    yield Idea("running sum", "with itself", "without itself", "the port's running sum leaves out the entry itself",
               "running sum without itself",
               lambda func, args, kwargs: func(*args, **kwargs) - args[0], USUAL)  # fmt: skip

    def reverse(func: Any, args: tuple, kwargs: dict) -> Any:
        dim = args[1] if len(args) > 1 else kwargs["dim"]
        return args[0].flip(dim).cumsum(dim).flip(dim)

    yield Idea("running sum", "from the beginning", "from the end", "the port's running sum starts at the end",
               "running sum from the end", reverse, POSSIBLE)  # fmt: skip


FAMILIES: dict[str, Family] = {
    **dict.fromkeys(("mean", "sum", "amax", *_SPREADS), reduced),
    "cumsum": accumulated,
}
