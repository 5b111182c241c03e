"""What both optimizers of a pair are given apart from its model: small parameters, and recorded gradients by step.

All of it is one vector. Each of the reference's parameters is a part of it, in its own number of axes; each leaf of the
port is those of its entries that the weight map puts there. So groups, names and masks are the pair's own, and a step
costs next to nothing.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from itertools import chain, cycle, islice
from typing import TYPE_CHECKING

import numpy as np

from compare.arrays.arrays import rounded
from compare.arrays.views import assign
from compare.sides.port_forward import is_parameter
from compare.verdict.precision import FLOAT16, Precision
from compare.verdict.thresholds import RULE_ENTRIES, RULE_FURTHER, RULE_HALF, RULE_ORDINARY, RULE_SIZE, RULE_WHOLE

if TYPE_CHECKING:
    from compare.pair.prepared import Prepared

Shape = tuple[int, ...]


@dataclass(frozen=True, eq=False)
class LeafPart:
    """A leaf of the port, small: its shape, and which entries of the vector it holds, in its own order."""

    shape: Shape
    entries: np.ndarray


@dataclass(frozen=True, eq=False)
class RuleInputs:
    """Parameters and gradients of ``M`` entries in all.

    Attributes:
        shapes: of the reference's parameters by name, in its order: together they are the vector.
        frozen: those of them that have no gradient.
        leaves: of the port by path; an entry that no leaf holds is not compared.
        values: with what the parameters start, shape (M,).
        gradients: of each step, shape (steps, M).
    """

    shapes: Mapping[str, Shape]
    frozen: frozenset[str]
    leaves: Mapping[str, LeafPart]
    values: np.ndarray
    gradients: np.ndarray

    @cached_property
    def places(self) -> dict[str, slice]:
        """Where each parameter lies in the vector."""
        return _places(self.shapes)

    @cached_property
    def compared(self) -> np.ndarray:
        """The entries that both sides have and that train, in ascending order."""
        held = np.concatenate([np.zeros(0, int), *(leaf.entries for leaf in self.leaves.values())])
        still = [np.arange(self.values.size)[place] for name, place in self.places.items() if name in self.frozen]
        return np.setdiff1d(held, np.concatenate([np.zeros(0, int), *still]))

    def owner(self, entry: int) -> str:
        """The parameter that an entry of the vector belongs to."""
        return next(name for name, place in self.places.items() if place.start <= entry < place.stop)

    def of_steps(self, steps: int) -> "RuleInputs":
        """The same with the first of the gradients."""
        return RuleInputs(self.shapes, self.frozen, self.leaves, self.values, self.gradients[:steps])


def rule_inputs(prepared: "Prepared", precision: Precision, seed: int, steps: int) -> RuleInputs:
    """What the optimizers of a pair are given; a small model's parameters are whole, of another's a few entries each.

    Args:
        precision: what values and gradients are rounded to.
    """
    rng = np.random.default_rng([seed, 0x5EED])
    full = prepared.reference.parameters
    total = sum(int(np.prod(shape)) for shape in full.values())
    if total <= RULE_WHOLE:
        chosen = {name: np.arange(int(np.prod(shape))) for name, shape in full.items()}
        shapes = dict(full)
    else:
        chosen = {name: _some(rng, int(np.prod(shape))) for name, shape in full.items()}
        shapes = {name: _long(len(chosen[name]), len(shape)) for name, shape in full.items()}
    leaves = dict(_leaves(prepared, chosen, _places(shapes), whole=total <= RULE_WHOLE))
    many = sum(len(entries) for entries in chosen.values())
    values = rng.choice([-1.0, 1.0], many) * rng.uniform(0.5, 1.5, many) * RULE_SIZE
    gradients = rng.standard_normal(many) + rng.standard_normal((steps, many))  # the first of more are the same
    made = RuleInputs(shapes, frozenset(prepared.reference.frozen), leaves, values, gradients)
    still = np.setdiff1d(np.arange(many), made.compared)
    values[still] = 0.0  # a bias that the port holds summed into another: as in training steps
    gradients[:, still] = 0.0
    sizes = np.linalg.norm(gradients, axis=1, keepdims=True)
    gradients *= _sizes(steps, precision)[:, None] / np.where(sizes > 0, sizes, 1.0)
    values, gradients = (rounded(array, precision).astype(np.float64) for array in (values, gradients))
    return RuleInputs(shapes, made.frozen, leaves, values, gradients)


def _sizes(steps: int, precision: Precision) -> np.ndarray:
    """The norm of each step's gradients."""
    exponents = np.array([*islice(chain(RULE_ORDINARY, cycle(RULE_FURTHER)), steps)])
    return 2.0 ** (exponents.clip(max=RULE_HALF) if precision is FLOAT16 else exponents)


def _some(rng: np.random.Generator, size: int) -> np.ndarray:
    return np.sort(rng.choice(size, min(size, RULE_ENTRIES), replace=False)) if size < 1 << 20 else _spread(rng, size)


def _spread(rng: np.random.Generator, size: int) -> np.ndarray:
    """A few of very many, without a permutation of them all."""
    return np.unique(rng.integers(0, size, RULE_ENTRIES))


def _long(many: int, axes: int) -> Shape:
    return (many, *(1,) * (axes - 1)) if axes else ()


def _places(shapes: Mapping[str, Shape]) -> dict[str, slice]:
    ends = np.cumsum([int(np.prod(shape)) for shape in shapes.values()])
    starts = np.concatenate([np.zeros(1, int), ends])
    return {name: slice(int(start), int(end)) for name, start, end in zip(shapes, starts, ends, strict=False)}


def _leaves(
    prepared: "Prepared", chosen: Mapping[str, np.ndarray], places: Mapping[str, slice], whole: bool
) -> Iterator[tuple[str, LeafPart]]:
    for path, shape in prepared.leaves.items():
        if not is_parameter(path):
            continue
        at, entries = [np.zeros(0, int)], [np.zeros(0, int)]
        for entry in prepared.weight_map.entries:
            if entry.port != path or entry.summed or entry.reference not in chosen:
                continue
            marks = np.zeros(prepared.shapes[entry.reference], np.int32)  # 0: not chosen
            marks.reshape(-1)[chosen[entry.reference]] = 1 + np.arange(len(chosen[entry.reference]))
            seen = np.zeros(shape, np.int32)
            assign(entry.port_view.of(seen), entry.reference_view.of(marks))
            there = np.flatnonzero(seen)
            at.append(there)
            entries.append(places[entry.reference].start + seen.reshape(-1)[there] - 1)
        order = np.argsort(np.concatenate(at), kind="stable")
        held = np.concatenate(entries)[order]
        complete = whole and len(held) == int(np.prod(shape))
        small = shape if complete else _long(max(1, len(held)), len(shape))
        yield path, LeafPart(small, held)
