"""How far a section agrees: which of the reference's calls have a result that the port's program makes too."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import jax
import numpy as np
import torch
from jax.extend import core
from torch.utils._pytree import tree_leaves

from compare.arrays.arrays import from_jax, from_torch, wide
from compare.explain.calls.call import Call
from compare.explain.calls.change import Change
from compare.explain.locate.segments import SHAPING, leading_to
from compare.explain.locate.shown_by import layouts
from compare.explain.locate.thresholds import ENTRIES, EXACT
from compare.frameworks.islands.places import UNKNOWN
from compare.frameworks.islands.port import place_of_eqn
from compare.frameworks.islands.replay import Program, apply, inner_programs, parts, value_of, widened
from compare.sides.reference_forward import has_gradient

Known = dict[core.Var, jax.Array]
Made = list[tuple[jax.Array, str]]  # the values so far, each with the line that makes it


@dataclass(frozen=True)
class PortValue:
    """A value of the port's program, and the line that makes it."""

    array: np.ndarray
    place: str


class Results:
    """Notes what calls return, and from which of each other's results, in one run of the reference.

    Attributes:
        made: results by number; uses: whose results a call takes; fed: the calls that depend on what enters.
    """

    def __init__(self, calls: Sequence[Call]) -> None:
        self.made: dict[int, np.ndarray] = {}
        self.uses: dict[int, set[int]] = {}
        self.fed: set[int] = set()
        self.names = {call.number: call.name for call in calls}
        self._maker: dict[int, int] = {}
        self._kept: list[torch.Tensor] = []  # so that no identity is given twice
        self.change = Change(calls={call.number: self._noting(call.number) for call in calls})

    def _noting(self, number: int) -> Callable[..., Any]:
        def call(function: Any, args: tuple, kwargs: dict) -> Any:
            result = function(*args, **kwargs)
            taken = [leaf for leaf in tree_leaves((args, kwargs)) if isinstance(leaf, torch.Tensor)]
            self.uses[number] = {self._maker[id(tensor)] for tensor in taken if id(tensor) in self._maker}
            if any(id(tensor) not in self._maker for tensor in taken) or self.uses[number] & self.fed:
                self.fed.add(number)
            results = [leaf for leaf in tree_leaves(result) if isinstance(leaf, torch.Tensor)]
            self._kept += results
            self._maker.update({id(tensor): number for tensor in results})
            if results and has_gradient(results[0]) and results[0].numel() <= ENTRIES:
                self.made[number] = wide(from_torch(results[0]))
            return result

        return call

    def behind(self, numbers: set[int]) -> set[int]:
        """These calls, and all whose results they come from."""
        waiting, found = list(numbers), set(numbers)
        while waiting:
            for other in self.uses.get(waiting.pop(), set()) - found:
                found.add(other)
                waiting.append(other)
        return found


def last_of(results: Results, numbers: set[int]) -> set[int]:
    """Of the calls that agree those whose results a call takes that does not, or no call at all: the port may do more
    after them."""
    taken = {one for number, those in results.uses.items() if number not in numbers for one in those & numbers}
    return taken | numbers.difference(*results.uses.values())


def agreeing(results: Results, values: Sequence[PortValue], near: float = EXACT) -> set[int]:
    """The calls whose result is among the port's values, in whatever layout, and those that it comes from.

    The layout being free, a call that only shows an array in another shape proves nothing; nor does one whose result
    depends on nothing that enters (positions, a triangle), which the port may have for another purpose.

    Args:
        near: of an entry, how far two may be apart that are one.
    """
    by_size: dict[int, list[np.ndarray]] = {}
    for value in values:
        by_size.setdefault(value.array.size, []).append(value.array)
    seen = {
        number
        for number, array in results.made.items()
        if number in results.fed
        and results.names[number] not in SHAPING
        and _tells(array)
        and any(_shows(array, other, near) for other in by_size.get(array.size, []))
    }
    return results.behind(seen)


def _shows(reference: np.ndarray, port: np.ndarray, near: float) -> bool:
    return any(_equal(reference, one.to_reference(port), near) for one in layouts(reference.shape, port.shape))


def _equal(one: np.ndarray, other: np.ndarray, near: float) -> bool:
    """Entry by entry: a mask's lowest number would hide all others in a norm."""
    finite = np.isfinite(one)
    if np.any(finite != np.isfinite(other)):
        return False
    size = np.abs(one[finite])
    return bool(np.all(np.abs(one[finite] - other[finite]) <= near * np.maximum(size, np.median(size))))


def values_of(
    program: Program,
    arguments: Sequence[jax.Array],
    results: Sequence[int],
    compiling: dict[str, bool | int] | None = None,
) -> list[PortValue]:
    """Every floating value between a program's inputs and some of its results, all made by one program: JAX compiles
    an operation that is run by itself as well, each of them.

    Args:
        compiling: options of the compiler.
    """
    jaxpr, consts = parts(program)
    places: list[str] = []

    def run(arguments: list[jax.Array]) -> list[jax.Array]:
        known = dict(zip([*jaxpr.constvars, *jaxpr.invars], [*map(widened, consts), *arguments], strict=True))
        made: Made = []
        _run(leading_to(program, results), known, made, UNKNOWN)
        places[:] = [place for _, place in made]
        return [array for array, _ in made]

    arrays = jax.jit(run, compiler_options=compiling)([*arguments])
    return [PortValue(wide(from_jax(array)), place) for array, place in zip(arrays, places, strict=True)]


def _run(eqns: Sequence[core.JaxprEqn], known: Known, values: Made, around: str) -> None:
    for eqn in eqns:
        place = place_of_eqn(eqn)
        place = around if place == UNKNOWN else place
        operands = [value_of(atom, known) for atom in eqn.invars]
        results = _made(eqn, operands, values, place)
        known.update(zip(eqn.outvars, map(widened, results), strict=True))
        for result in results:
            if getattr(result, "ndim", 0) and np.issubdtype(result.dtype, np.inexact) and result.size <= ENTRIES:
                values.append((result, place))


def _made(eqn: core.JaxprEqn, operands: list[jax.Array], values: Made, place: str) -> list[jax.Array]:
    """What one operation gives; a program inside it that takes the same operands is looked into."""
    inner = inner_programs(eqn)
    if len(inner) == 1 and eqn.primitive.name not in ("scan", "while", "cond", "shard_map"):
        jaxpr, consts = parts(inner[0])
        if len(jaxpr.invars) == len(operands):
            inside = zip([*jaxpr.constvars, *jaxpr.invars], [*map(widened, consts), *operands], strict=True)
            known: Known = dict(inside)
            _run(jaxpr.eqns, known, values, place)
            return [value_of(atom, known) for atom in jaxpr.outvars]
    results = apply(eqn, operands)
    return list(results) if eqn.primitive.multiple_results else [results]


def place_after(values: Sequence[PortValue], arrays: Mapping[int, np.ndarray], near: float = EXACT) -> str:
    """The line of the port that makes the first value which is no result of the reference's any more: the one after the
    last that is; ``near`` as above."""
    last = max(
        (at for at, value in enumerate(values) if any(_same(a, value.array, near) for a in arrays.values())), default=-1
    )
    later = [value.place for value in values[last + 1 :] if value.place != UNKNOWN]
    return later[0] if later else ""


def _same(array: np.ndarray, other: np.ndarray, near: float) -> bool:
    return array.size == other.size and _tells(array) and _shows(array, other, near)


def _tells(array: np.ndarray) -> bool:
    """Whether an array has different entries: one of equal ones is found anywhere."""
    finite = array[np.isfinite(array)]
    return finite.size > 0 and bool(finite.min() != finite.max())
