"""The weight map is found: both sides are traced, and what is used alike is paired."""

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import product
from math import prod
from typing import Any

import numpy as np

from compare.arrays.arrays import PARAMS
from compare.errors import UsageError, swallowed
from compare.frameworks.models.ports import PortModel, complex_leaves
from compare.weights.mapping.axis_order import exchanged, fitted_inputs, turned_outputs
from compare.weights.mapping.complaints import not_followed
from compare.weights.mapping.copies import said_of_copies
from compare.weights.mapping.gate_orders import said_of_gates
from compare.weights.mapping.leftovers import identity
from compare.weights.mapping.lines import lines_of
from compare.weights.mapping.offsets import offset_of, said_of_offsets
from compare.weights.mapping.one_by_one import one_by_one
from compare.weights.mapping.program import Program
from compare.weights.mapping.settled import Lines
from compare.weights.mapping.unlike import MOST
from compare.weights.mapping.user_rules import Rules
from compare.weights.mapping.walk import Trace, Walk
from compare.weights.weights import Entry, WeightMap

# The place of the map under which both functions agree, or None; and why nothing could be tried, or nothing.
Decide = Callable[[Sequence["FoundMap"]], tuple[int | None, str]]
# The same while all but one of several arrays are alike: that one, and all of them.
DecideAlone = Callable[[Sequence["FoundMap"], str, Collection[str]], int | None]


@dataclass(frozen=True)
class FoundMap:
    """What was found.

    Attributes:
        weight_map: checked: every array of both sides is in it, or is named below.
        model: the port, as the comparison runs it.
        inputs: for each leaf of ``jax.tree.leaves((port_args, port_kwargs))`` the axes by which the port wants it
            permuted, as ``np.transpose`` takes them; None: as it is.
        outputs: by output, the axes that bring the port's into the reference's layout; only where one is needed.
        constants: buffers of the reference without a counterpart.
        port_constants: leaves of the port outside ``params`` without a counterpart.
        notes: what the user should know.
        doubted: the reference's arrays, and the outputs, of which the map is not sure.
        offsets: by path of the port, what its array may have more than the reference's, since the port's code takes it
            off again.
        joined: by the reference's name the lines of arrays that both sides join in another order, were the port's kept
            in that order too.
    """

    weight_map: WeightMap
    model: PortModel
    inputs: tuple[tuple[int, ...] | None, ...]
    outputs: dict[str, tuple[int, ...]]
    constants: tuple[str, ...]
    port_constants: tuple[str, ...]
    notes: tuple[str, ...]
    doubted: tuple[str, ...] = ()
    offsets: Mapping[str, float] = field(default_factory=dict)
    joined: Mapping[str, Sequence[Entry]] = field(default_factory=dict)

    def as_joined(self) -> "FoundMap":
        """The same with those arrays kept so."""
        lines = [one for one in self.weight_map.entries if one.reference not in self.joined]
        return replace(self, weight_map=WeightMap(lines, *self.joined.values()), joined={})


def find(
    reference: Any,
    reference_args: tuple,
    reference_kwargs: dict,
    port: object,
    port_args: tuple,
    port_kwargs: dict,
    rules: Mapping[str, str | tuple] = {},
    permute: bool = True,
    decide: Decide | None = None,
    alone: Callable[[str], bool] = lambda name: False,
    decide_alone: DecideAlone | None = None,
) -> FoundMap:
    """Which array of ``reference`` is which of ``port``, and in which layout.

    Args:
        reference: an ``nn.Module``, run once, on a copy, in evaluation mode, or the ``Program`` of such a run;
            ``reference_args`` are NumPy arrays, nested or not.
        port: traced, never computed: whatever a pair takes as a port.
        rules: patterns of the reference's names to the port's paths, where the user knows better: a name or the name
            of a layer, ``*`` standing for the same text on both sides; the value may be (path, axes) to say the
            transpose too.
        permute: the port's inputs may be permuted, where its convolutions want their channels elsewhere.
        decide: tries several maps, and returns the place of the first under which both functions agree, or None, and
            why they could not be tried, where they could not. By default nothing is tried: what the programs do not
            tell is refused, or, of an array's axes, taken as it is.
        alone: of an array's or a leaf's name, whether it may be left over though it is a parameter.
        decide_alone: the same as ``decide`` of arrays of which there are too many to be tried together.

    Raises:
        UsageError: an array has no counterpart, or several candidates; or a side raises.
    """
    program = reference if isinstance(reference, Program) else _program_of(reference, reference_args, reference_kwargs)
    traced, names = _traced(program), {name: name in program.optional or alone(name) for name in program.weights}
    known = {
        name: np.zeros(shape, np.complex64 if name in program.complex_weights else np.float32)
        for name, shape in program.weights.items()
        if not names[name]
    }
    model, inputs, seen = fitted_inputs(traced, known, port, port_args, port_kwargs, permute)
    leaves = {path: not path.startswith(PARAMS) or alone(path) for path in model.leaves}
    ways = _ways(traced.walk, names, seen.walk, leaves, rules, program, model)
    shapes = {name: walked.shape for name, walked in traced.walk.units.items()}
    outputs = turned_outputs(traced, seen, any(axes is not None for axes in inputs))
    held = {path: tuple(leaf.shape) for path, leaf in model.leaves.items()}

    def made(lines: Lines, entries: list[Entry]) -> list[FoundMap]:
        """The maps of these lines, one for each layout of the outputs.

        Raises:
            UsageError: they are none.
        """
        weight_map = WeightMap(entries)
        mine = {name: shape for name, shape in shapes.items() if name not in lines.constants}
        theirs = {path: shape for path, shape in held.items() if path not in lines.port_constants}
        weight_map.check(mine, theirs, (program.complex_weights, complex_leaves(model)))
        rest = tuple(lines.constants), tuple(lines.port_constants)
        units = [(traced.walk.units[one.reference], seen.walk.units[one.port]) for one in entries]
        offsets = {port.leaf: more for reference, port in units if (more := offset_of(reference, port))}
        said = (say(weight_map.entries) for say in (said_of_gates, said_of_offsets, said_of_copies))
        notes = *lines.notes, *(note for some in said for note in some)
        return [
            FoundMap(
                weight_map,
                model,
                inputs,
                one,
                *rest,
                (*notes, *exchanged(one, traced)),
                offsets=offsets,
                joined=lines.joined,
            )
            for one in outputs
        ]

    found: list[FoundMap] = []
    raised: list[UsageError] = []
    for lines in ways:
        told: Lines | None = lines
        if lines.many and decide_alone is not None:

            def choose(
                some: Sequence[list[Entry]], name: str, alike: Collection[str], own: Lines = lines
            ) -> int | None:
                chosen = decide_alone([one for entries in some for one in made(own, entries)], name, alike)
                return None if chosen is None else chosen // len(outputs)

            told = one_by_one(lines, shapes, held, choose)
        if told is None or told.many:
            raised += [lines.unproved] if lines.unproved else []
            continue
        for entries in readings(told):
            try:
                found += made(told, entries)
            except UsageError as error:
                raised.append(error)
    if not found:
        raise raised[0]
    usual = len(ways) == len(outputs) == 1 and ways[0].usual and not ways[0].doubts
    unproved = next((lines.unproved for lines in ways if lines.unproved), None)
    return decided(found, unproved, decide, usual, told=usual and ways[0].told)


def _ways(
    reference: Walk, names: Mapping[str, bool], port: Walk, leaves: Mapping[str, bool], rules: Rules,
    program: Program, model: PortModel,
) -> list[Lines]:  # fmt: skip
    """The ways in which the arrays may be paired; where evidence settles none, and every array has the other side's
    name and shape, those alone."""
    mine, theirs = (
        {name: walk.units[name].shape for name in side} for walk, side in ((reference, names), (port, leaves))
    )
    optional = {name for side in (names, leaves) for name, may_stay in side.items() if may_stay}
    plain = None if rules else identity(mine, theirs, optional, program.tied)
    try:
        ways = lines_of(reference, names, port, leaves, rules, program.gates, model, program.tied)
    except UsageError:
        if plain is None:
            raise
        ways = []
    if plain is None or (ways and ways[0].unproved is None):
        return ways
    paired = {name for line in plain for name in (line.reference, line.port)}
    rest, rest_of_port = ([name for name in side if name not in paired] for side in (mine, theirs))
    return [Lines(plain, rest, rest_of_port)]


def decided(
    found: list[FoundMap],
    unproved: UsageError | None,
    decide: Decide | None,
    usual: bool = False,
    told: bool = False,
) -> FoundMap:
    """The map of several under which both functions agree; the first where none does, and that one is not
    ``unproved``.

    Args:
        usual: the first is what a convention says, so that it is no news where it holds; told: one of the framework's
            own, which needs no proof: where both functions agree under none, they are two.

    Raises:
        UsageError: ``unproved``, where nothing proves it.
    """
    if len(found) == 1 and unproved is None:
        return found[0]
    chosen, why = decide(found) if decide is not None else (None, "")
    if chosen is None:
        if unproved is not None:
            raise unproved
        if decide is None or told:
            return found[0]
        tried = f"under none of {len(found)} that were tried do both sides agree"
        doubted = _in_doubt(found)
        note = f"the map of {_few(doubted)} is not sure: {f'it could not be tried: {why}' if why else tried}"
        return replace(found[0], notes=(*found[0].notes, note), doubted=tuple(doubted))
    if usual and chosen == 0:
        return found[0]
    doubted, count = _in_doubt([found[0], found[chosen]] if usual else found), len(found)
    note = f"the map of {_few(doubted)} was found by trying: of {count} both functions agree under this one"
    if count == 1:
        note = "not all of the map is told by how the two programs use their arrays: under it both functions agree"
    return replace(found[chosen], notes=(*found[chosen].notes, note))


def _in_doubt(found: Sequence[FoundMap]) -> list[str]:
    """What the maps say differently, by the reference's names and the outputs'."""
    lines = [frozenset((one.reference, one.port, one.layout) for one in each.weight_map.entries) for each in found]
    everywhere = lines[0].intersection(*lines[1:])
    names = sorted({name for line in lines for name, _, _ in line - everywhere})
    outputs = {name for one in found for name in one.outputs}
    return names + sorted(name for name in outputs if len({one.outputs.get(name) for one in found}) > 1)


def _few(names: Sequence[str]) -> str:
    return ", ".join(names[:3]) + (f" and {len(names) - 3} more" if len(names) > 3 else "")


def readings(lines: Lines) -> Iterator[list[Entry]]:
    """The lines with each that is in doubt as it is and as it may be, all of one kind together where they are too
    many; and with gates in other orders."""
    places = list(lines.doubts)
    choices = [[lines.entries[at], *lines.doubts[at]] for at in places]
    if prod(map(len, choices)) > MOST:  # arrays of one kind are laid out alike
        count = max(map(len, choices))
        every = [[options[min(at, len(options) - 1)] for options in choices] for at in range(count)]
    else:
        every = [list(one) for one in product(*choices)]
    for chosen in every:
        entries = list(lines.entries)
        for at, entry in zip(places, chosen, strict=True):
            entries[at] = entry
        yield entries
    yield from lines.orders


def _traced(program: Program) -> Trace:
    try:
        return program.trace()
    except UsageError:
        raise
    except Exception as error:
        swallowed(error)
        raise not_followed("the reference", error) from error


def _program_of(reference: Any, args: tuple, kwargs: dict) -> Program:
    from compare.weights.mapping.torch_trace import program_of

    return program_of(reference, args, kwargs)
