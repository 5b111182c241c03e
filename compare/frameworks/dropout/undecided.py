"""Random numbers that may decide nothing: ``torch.rand(()) < rate`` with a rate of 0, as a layer drop is written.

A uniform draw is followed with the least and the largest number that it can be, through operations that are monotone
in each entry. Where both give the same, as a comparison with 0 does, so does every number between, and the draw is no
randomness of the model's.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from torch.utils._pytree import tree_leaves, tree_map

aten = torch.ops.aten
Kernel = torch._ops.OpOverload

COMPARISONS = {aten.lt, aten.le, aten.gt, aten.ge, aten.lt_, aten.le_, aten.gt_, aten.ge_}
STEPS = {aten.floor, aten.floor_, aten.ceil, aten.ceil_, aten.round, aten.round_, aten.clamp, aten.clamp_}
ARITHMETIC = {aten.add, aten.add_, aten.sub, aten.sub_, aten.rsub, aten.mul, aten.mul_, aten.neg, aten.neg_}
COPIES = {aten._to_copy, aten.clone}
MONOTONE = COMPARISONS | STEPS | ARITHMETIC | COPIES
UNIFORM = {aten.rand, aten.rand_like, aten.uniform_}


@dataclass(eq=False)
class _Draw:
    """One draw: what is said of it where it decides something."""

    line: str
    asked: bool = False


@dataclass(frozen=True, eq=False)
class _Range:
    """A tensor that follows from a draw, between its entries' two ends; holding the tensor keeps its identity its."""

    tensor: torch.Tensor
    least: torch.Tensor
    largest: torch.Tensor
    draw: _Draw


class Undecided:
    """The uniform draws of a run that have not decided anything so far.

    ``miss`` is called with the line of each that does, once it does.
    """

    def __init__(self, miss: Callable[[str], None]) -> None:
        self._miss = miss
        self._ranges: dict[int, _Range] = {}

    def __bool__(self) -> bool:
        return bool(self._ranges)

    def take(self, kernel: Kernel, args: tuple, kwargs: dict[str, Any], drawn: torch.Tensor, line: str) -> bool:
        """Follow what ``kernel`` drew, if it draws uniformly; else False."""
        if kernel.overloadpacket not in UNIFORM or not drawn.is_floating_point() or drawn.requires_grad:
            return False
        bounds = (*args[1:3], *(0.0, 1.0)[len(args[1:3]) :]) if kernel.overloadpacket is aten.uniform_ else (0.0, 1.0)
        start, end = kwargs.get("from", bounds[0]), kwargs.get("to", bounds[1])
        # Short of the end: keep + draw, of which the floor is taken, would round up to 2 there.
        last = end - 2 * (end - start) * torch.finfo(drawn.dtype).eps
        self._put(drawn, torch.full_like(drawn, start), torch.full_like(drawn, last), _Draw(line))
        return True

    def follow(self, kernel: Kernel, args: tuple, kwargs: dict[str, Any], run: Callable[..., Any]) -> Any:
        """What ``kernel`` gives, and both ends of it where a followed tensor enters."""
        entering = [self._ranges[id(leaf)] for leaf in tree_leaves((args, kwargs)) if id(leaf) in self._ranges]
        if not entering:
            return run(*args, **kwargs)
        packet = kernel.overloadpacket
        if len(entering) > 1 or not (packet in MONOTONE or kernel.is_view):
            return self._decide(entering, run, args, kwargs)
        one = entering[0]
        if kernel._schema.is_mutable and args[0] is not one.tensor:  # written into what is not followed
            return self._decide(entering, run, args, kwargs)

        def at(end: torch.Tensor) -> torch.Tensor:
            given, named = tree_map(lambda leaf: end if leaf is one.tensor else leaf, (args, kwargs))
            return run(*given, **named)

        least, largest = at(one.least), at(one.largest)
        result = run(*args, **kwargs)
        if torch.equal(least, largest):
            one.draw.asked = True
            self._ranges.pop(id(result), None)
        elif packet in COMPARISONS:
            self._say(one.draw)
        else:
            self._put(result, least, largest, one.draw)
        return result

    def end(self) -> None:
        """The run is over: a draw of which no comparison was seen is the model's, returned perhaps."""
        for draw in {id(each.draw): each.draw for each in self._ranges.values()}.values():
            if not draw.asked:
                self._say(draw)

    def _put(self, tensor: torch.Tensor, least: torch.Tensor, largest: torch.Tensor, draw: _Draw) -> None:
        self._ranges[id(tensor)] = _Range(tensor, least, largest, draw)

    def _decide(self, entering: list[_Range], run: Callable[..., Any], args: tuple, kwargs: dict[str, Any]) -> Any:
        for each in entering:
            self._say(each.draw)
        return run(*args, **kwargs)

    def _say(self, draw: _Draw) -> None:
        self._miss(draw.line)
        self._ranges = {key: each for key, each in self._ranges.items() if each.draw is not draw}
