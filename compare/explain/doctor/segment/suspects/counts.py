"""A sum that is divided by another count than the reference's: all entries for those that a mask leaves."""

from collections.abc import Iterator
from math import prod
from typing import Any

import torch

from compare.explain.calls.call import Call, Described
from compare.explain.calls.change import Change
from compare.explain.calls.counting import Function, Replacement
from compare.explain.calls.scene import Scene
from compare.explain.calls.signatures import bound
from compare.explain.doctor.suspect import Suspect
from compare.explain.doctor.thresholds import USUAL


def divisors(scene: Scene) -> Iterator[Suspect[Change]]:
    """Of a sum and a division of what comes of it by a tensor: by how many entries were summed."""
    for at, first in enumerate(scene.calls):
        for second in scene.calls[at + 1 :] if first.name == "sum" else ():
            if second.name == "div" and _divides(first, second):
                change = Change(calls=dict(zip((first.number, second.number), _counted(), strict=True)))
                text = "the port divides by how many entries were summed, the reference by a tensor of counts"
                yield Suspect("count", "a tensor", "all entries", change, USUAL, text, "divided by all entries")


def _divides(first: Call, second: Call) -> bool:
    """Whether one call may divide what the other sums, by a tensor."""
    own = second.args[0] if second.args else None
    by = second.args[1] if len(second.args) > 1 else None
    summed = first.result
    shapes = isinstance(own, Described) and isinstance(summed, Described) and prod(own.shape) == prod(summed.shape)
    return shapes and isinstance(by, Described)


def _counted() -> tuple[Replacement, Replacement]:
    """Two calls: the sum, which is counted, and the division by that number."""
    counts: list[float] = []

    def summed(func: Function, args: tuple, kwargs: dict) -> Any:
        own: torch.Tensor = bound(func, args, kwargs)["input"]
        result = func(*args, **kwargs)
        counts[:] = [own.numel() / max(result.numel(), 1)]
        return result

    def divided(func: Function, args: tuple, kwargs: dict) -> Any:
        return func(args[0], counts[0])

    return summed, divided
