"""Tape and program beside each other: which nodes face which equations, and why the rest faces none."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from difflib import SequenceMatcher

from compare.measure.contrast.alignment import Group, aligned, group_of, groups
from compare.measure.contrast.boundary import Boundaries, Boundary
from compare.measure.contrast.port_record import PortRecord, leading_to
from compare.measure.contrast.reference_record import ReferenceRecord
from compare.measure.contrast.repeats import aligned_once, places_of_repeats
from compare.measure.contrast.thresholds import ROUNDED, SAME, SINGLE
from compare.measure.contrast.values_alike import Contents, alike
from compare.pair.prepared import Prepared

HARNESS, LEAF, LAYOUT, CONSTANT = "harness", "leaf", "layout", "constant"
RANDOM, UNUSED, LOOP, REPEATED, UNTAPED = "random", "unused", "loop", "repeated", "untaped"
UNASKED, ENGINE, ZERO, FUSED = "unasked", "engine", "zero", "fused"
# Why something faces nothing, by these words.
REASONS = {
    HARNESS: "not the model's: the comparison made it",
    LEAF: "adds to a parameter's .grad: a gradient of JAX is returned",
    LAYOUT: "moves numbers and computes none",
    CONSTANT: "depends on nothing that enters",
    RANDOM: "draws random numbers, each framework in its own way",
    UNUSED: "no result needs it: a compiler leaves it out",
    LOOP: "a loop: the equations of its body face what it runs",
    REPEATED: "makes a value again that an earlier one has made",
    UNTAPED: "leads from no parameter to the loss, or from one that is frozen: a tape does not record it",
    UNASKED: "for the gradient of a parameter of which the reference asks none",
    ENGINE: "adds gradients that meet: the engine does it between two nodes",
    ZERO: "a gradient that is zero on paper: what is left is rounding, on each side its own",
    FUSED: "makes no number that the other side makes",
}

Faced = tuple[frozenset[int], frozenset[int], Boundary]  # nodes, equations, and the values around


@dataclass(frozen=True)
class Facing:
    """Attributes:
    pairs: (node, equation), by their positions; ``groups``: which run together, ``boundaries``: between which values.
    nodes, equations: of each that faces nothing the reason.
    """

    pairs: frozenset[tuple[int, int]]
    groups: tuple[tuple[frozenset[int], frozenset[int]], ...]
    boundaries: tuple[Boundary, ...]
    nodes: Mapping[int, str]
    equations: Mapping[int, str]


def facing(tape: ReferenceRecord, exact: ReferenceRecord, port: PortRecord, prepared: Prepared) -> Facing:
    """Align them.

    Args:
        tape: the run at the working precision, whose nodes are meant; exact: the run in float64, whose values are.
        prepared: whose weight map says which gradients are one array on one side and several on the other.
    """
    same = same_nodes(tape, exact)
    partners, left, right = aligned_once(exact.flow, port.flow)
    again = places_of_repeats(exact.flow, left), places_of_repeats(port.flow, right)
    exact, port = replace(exact, flow=left), replace(port, flow=right)
    every = [*groups(exact.flow, port.flow, partners), *_ends(exact, port, prepared, partners)]
    alone = {at for at in range(len(tape.nodes)) if at not in same.values() and tape.nodes[at].forward}
    if alone:  # fused at the working precision alone, as a recurrent layer is
        every, mixed = _told_apart(exact, same, every)
        own = {at: at for at in alone | mixed}
        single = aligned(tape.flow, port.flow, SINGLE)
        fused = [*groups(tape.flow, port.flow, single), *_ends(tape, port, prepared, single, SINGLE)]
        found = [*_node_groups(exact, port, same, every), *_node_groups(tape, port, own, fused)]
    else:
        found = list(_node_groups(exact, port, same, every))
    found = list(_with_bodies(port, found))
    pairs = frozenset((node, equation) for nodes, equations, _ in found for node in nodes for equation in equations)
    back = {its: one for one, its in same.items()}
    nodes = {at: _why_node(exact, back.get(at), tape, at) for at in range(len(tape.nodes))}
    nodes |= {
        same[at]: REPEATED
        for at, node in enumerate(exact.nodes)
        if at in same and node.forward and nodes[same[at]] == FUSED and again[0].issuperset(node.forward)
    }
    unasked = port.needed - leading_to(port.equations, _asked(exact, port, prepared)) - port.in_loss
    equations = {at: _why_equation(port, at, again[1], unasked) for at in range(len(port.equations))}
    equations |= {at: UNTAPED for at in _untaped(exact, port, every) if equations[at] == FUSED}
    equations |= dict.fromkeys(_added_by_engine(exact, port, every), ENGINE)
    equations |= {at: ZERO for at in _zero_on_paper(port) if equations[at] == FUSED}
    for node, equation in pairs:
        nodes.pop(node, None)
        equations.pop(equation, None)
    sets, boundaries = tuple((nodes, eqs) for nodes, eqs, _ in found), tuple(one for *_, one in found)
    return Facing(pairs, sets, boundaries, nodes, equations)


def _told_apart(
    exact: ReferenceRecord, same: Mapping[int, int], every: Sequence[Group]
) -> tuple[list[Group], set[int]]:
    """The groups of nodes that are there at the working precision too; and, of the others, the nodes that are, whose
    neighbours are fused there."""
    of = _node_of(exact)
    kept, mixed = [], set[int]()
    for group in every:
        nodes = {of[at] for at in group.reference if at in of}
        if nodes <= same.keys():
            kept.append(group)
        else:
            mixed |= {same[node] for node in nodes if node in same}
    return kept, mixed


def _with_bodies(port: PortRecord, found: Sequence[Faced]) -> Iterator[Faced]:
    """With the equations that a loop runs, where the other side has the loop's result alone: those of its body that
    compute are of the groups of the fewest nodes that it is of."""
    fewest: dict[int, int] = {}
    for nodes, equations, _ in found:
        for at in equations:
            fewest[at] = min(len(nodes), fewest.get(at, len(nodes)))
    for nodes, equations, boundary in found:
        whole = set(equations)
        for at, one in enumerate(port.equations):
            loop = one.inside
            if loop not in whole or loop in port.followed or not one.own or at not in port.needed:
                continue
            if port.flow.only_moves(at):
                continue
            if fewest.get(loop, len(nodes)) == len(nodes) and any(own in port.flow.moving for own in one.results):
                whole.add(at)
        yield nodes, frozenset(whole), boundary


def _added_by_engine(exact: ReferenceRecord, port: PortRecord, every: Iterable[Group]) -> Iterator[int]:
    """The equations that face nothing but a sum of the engine's; before it may run what is the comparison's own."""
    for group in every:
        ran = [exact.operations[at] for at in group.reference]
        last = ran[-1] if ran else None  # no code's: nobody owns it
        is_sum = last is not None and last.late and last.node is None and len(last.operands) > 1
        if is_sum and not any(one.own for one in ran):
            yield from (at for at in group.port if port.equations[at].own)


def _untaped(exact: ReferenceRecord, port: PortRecord, every: Iterable[Group]) -> Iterator[int]:
    """The equations that face what the reference runs too, and no node: no gradient flows there."""
    for group in every:
        ran = [exact.operations[at] for at in group.reference]
        if ran and all(one.own and not one.late and one.node is None for one in ran):
            yield from (at for at in group.port if port.equations[at].own)


def _asked(exact: ReferenceRecord, port: PortRecord, prepared: Prepared) -> Iterator[int]:
    """The port's gradients of what the reference has one of too."""
    for entry in prepared.weight_map.entries:
        if entry.reference in exact.gradients and entry.port in port.gradients:
            yield port.gradients[entry.port]


def _zero_on_paper(port: PortRecord) -> Iterator[int]:
    """The equations that make a gradient of nothing but rounding, as a bias's before a normalisation is."""
    made = {port.flow.origin(number) for number in port.gradients.values()} & port.flow.contents.keys()
    largest = max((port.flow.contents[number].scale for number in made), default=0.0)
    for number in made & port.flow.maker.keys():
        if port.flow.contents[number].scale <= ROUNDED * largest:
            yield port.flow.steps[port.flow.maker[number]].at


def _ends(
    record: ReferenceRecord,
    port: PortRecord,
    prepared: Prepared,
    partners: Mapping[int, int],
    tolerance: float = SAME,
) -> Iterator[Group]:
    """Of each gradient that one side has whole and the other in parts what makes it, where the parts are the whole."""
    arrays = {path: port.flow.values[number] for path, number in port.gradients.items()}
    whole = prepared.weight_map.to_reference(arrays, prepared.shapes)
    for entry in prepared.weight_map.entries:
        if entry.reference not in record.gradients or entry.port not in port.gradients or entry.reference not in whole:
            continue
        value = record.flow.origin(record.gradients[entry.reference])
        other = port.flow.origin(port.gradients[entry.port])
        known = value in partners or other in partners.values()
        made = value in record.flow.maker and other in port.flow.maker
        if made and not known and alike(record.flow.contents[value], Contents(whole[entry.reference]), tolerance):
            yield group_of(record.flow, port.flow, value, other, partners)


def same_nodes(tape: ReferenceRecord, exact: ReferenceRecord) -> dict[int, int]:
    """By node of the run in float64 that of the run at the working precision: the same program but for its kernels."""
    names, others = ([(node.name, node.leaf, node.path) for node in record.nodes] for record in (exact, tape))
    blocks = SequenceMatcher(None, names, others, autojunk=False).get_matching_blocks()
    return {block.a + at: block.b + at for block in blocks for at in range(block.size)}


def _node_groups(
    record: ReferenceRecord, port: PortRecord, listed: Mapping[int, int], every: Iterable[Group]
) -> Iterator[Faced]:
    """Of each group the nodes, numbered as they are listed, the equations that face them, and the values around."""
    of, boundaries = _node_of(record), Boundaries(record)
    for group in every:
        nodes = frozenset(listed[of[at]] for at in group.reference if at in of and of[at] in listed)
        equations = frozenset(at for at in group.port if port.equations[at].own)
        if nodes and equations:
            yield nodes, equations, boundaries.of(group)


def _node_of(record: ReferenceRecord) -> dict[int, int]:
    """By operation the node of the model's that it made, or that ran it."""
    return {
        at: number for number, node in enumerate(record.nodes) if node.own for at in (*node.forward, *node.backward)
    }


def _why_node(exact: ReferenceRecord, number: int | None, tape: ReferenceRecord, at: int) -> str:
    node = tape.nodes[at]
    if not node.own:
        return HARNESS
    if node.leaf:
        return LEAF
    record, own = (tape, node) if number is None else (exact, exact.nodes[number])
    return LAYOUT if all(map(record.flow.only_moves, own.forward)) else FUSED


def _why_equation(port: PortRecord, at: int, again: frozenset[int], unasked: frozenset[int]) -> str:
    one = port.equations[at]
    if not one.own:
        return HARNESS
    if at not in port.needed:
        return UNUSED
    if one.eqn.primitive.name.startswith(("random_", "threefry")) or one.name == "bernoulli":
        return RANDOM
    if at in again:
        return REPEATED
    made = {*one.results, *(number for step in port.flow.by_place.get(at, ()) for number in step.results)}
    if port.flow.moving.isdisjoint(made):
        return CONSTANT
    if at in port.followed:
        return LOOP
    if port.flow.only_moves(at):
        return LAYOUT
    if port.learning.isdisjoint(made):
        return UNTAPED
    return UNASKED if at in unasked else FUSED
