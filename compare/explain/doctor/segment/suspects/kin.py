"""Functions of the same arguments: a port may call one of them for another."""

from collections.abc import Callable, Iterator
from typing import Any

import torch
from torch.nn import functional as F

from compare.explain.calls.counting import Function, Replacement
from compare.explain.calls.signatures import argument_names, bound
from compare.explain.doctor.segment.ideas import Family, Idea, View, value
from compare.explain.doctor.thresholds import POSSIBLE, USUAL

AXES = (1, 2, 3)
# What the choice among them is called; the first two of each kind are the likeliest.
KIN: list[tuple[str, dict[str, Callable[..., Any]]]] = [
    ("reduction", {"mean": torch.mean, "sum": torch.sum, "amax": torch.amax, "amin": torch.amin}),
    ("function", {"sin": torch.sin, "cos": torch.cos}),
    ("function", {"exp": torch.exp, "expm1": torch.expm1, "exp2": torch.exp2}),
    ("function", {"log": torch.log, "log1p": torch.log1p, "log2": torch.log2, "log10": torch.log10}),
    ("function", {"round": torch.round, "floor": torch.floor, "ceil": torch.ceil, "trunc": torch.trunc}),
    ("function", {"maximum": torch.maximum, "minimum": torch.minimum}),
    ("comparison", {"lt": torch.lt, "le": torch.le}),
    ("comparison", {"gt": torch.gt, "ge": torch.ge}),
    ("running sum", {"cumsum": torch.cumsum, "cumprod": torch.cumprod}),
    ("triangle", {"tril": torch.tril, "triu": torch.triu}),
    ("activation", {"softmax": F.softmax, "log_softmax": F.log_softmax}),
    ("loss", {"mse_loss": F.mse_loss, "l1_loss": F.l1_loss, "smooth_l1_loss": F.smooth_l1_loss,
              "huber_loss": F.huber_loss}),
    *(("pooling", {f"max_pool{n}d": getattr(F, f"max_pool{n}d"), f"avg_pool{n}d": getattr(F, f"avg_pool{n}d")})
      for n in AXES),
    *(("pooling", {f"adaptive_{kind}_pool{n}d": getattr(F, f"adaptive_{kind}_pool{n}d") for kind in ("avg", "max")})
      for n in AXES),
]  # fmt: skip
# The width of one loss's quadratic part and of the other's.
_ALSO = {"beta": "delta", "delta": "beta"}


def ideas(view: View) -> Iterator[Idea]:
    """Of any of them: each other of its kind."""
    own = view.call.name
    for setting, kind in KIN:
        for place, (name, function) in enumerate(kind.items()) if own in kind else ():
            if name != own:
                yield value(setting, own, name, _in_place_of_it(function), USUAL if place < 2 else POSSIBLE)


def _in_place_of_it(function: Callable[..., Any]) -> Replacement:
    """``function`` with those of the call's arguments that it takes."""

    def replacement(func: Function, args: tuple, kwargs: dict) -> Any:
        given = bound(func, args, kwargs)
        given |= {also: given[name] for name, also in _ALSO.items() if name in given}
        known = argument_names(function)
        # No axis is every axis; some of these functions know no other word for it.
        return function(**{name: own for name, own in given.items() if name in known and (name, own) != ("dim", None)})

    return replacement


FAMILIES: dict[str, Family] = dict.fromkeys([name for _, kind in KIN for name in kind], ideas)
