"""Means, sums, maxima and running sums in the user's own code."""

from collections.abc import Iterator
from functools import partial
from typing import Any

import torch

from compare.explain.calls.signatures import Given
from compare.explain.doctor.segment.ideas import Family, Idea, View, computed, value
from compare.explain.doctor.thresholds import POSSIBLE, USUAL

_KINDS: dict[str, Any] = {"mean": torch.mean, "sum": torch.sum, "amax": torch.amax}


def reduced(view: View) -> Iterator[Idea]:
    """Of a mean, sum or maximum: another reduction."""
    for word, function in _KINDS.items():
        if word != view.call.name:
            rank = USUAL if word != "amax" else POSSIBLE
            yield value("reduction", view.call.name, word, computed(partial(_by, function)), rank)


def _by(function: Any, given: Given) -> Any:
    dim = given.get("dim")
    every = tuple(range(given["input"].ndim))
    return function(given["input"], dim=every if dim is None else dim, keepdim=bool(given.get("keepdim", False)))


def accumulated(view: View) -> Iterator[Idea]:
    """Of a running sum: without the entry itself, and from the end."""
    yield value("running sum", "with itself", "without itself", lambda func, args, kwargs:
                func(*args, **kwargs) - args[0])  # fmt: skip
    yield value("running sum", "from the beginning", "from the end", computed(
        lambda own: own["input"].flip(own["dim"]).cumsum(own["dim"]).flip(own["dim"])), POSSIBLE)  # fmt: skip


FAMILIES: dict[str, Family] = {**dict.fromkeys(_KINDS, reduced), "cumsum": accumulated}
