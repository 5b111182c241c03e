"""Pairs the arrays of both sides: groups of equals are taken apart by one evidence after another."""

import re
from collections.abc import Sequence
from dataclasses import replace

from compare.weights.mapping.evidence import EVIDENCE, Evidence
from compare.weights.mapping.groups import Group, SideArrays, split_group
from compare.weights.mapping.paired import Array

NUMBER = re.compile(r"\d+")
BRANCHES = 24  # of so many ways to settle what no evidence tells apart each is tried
OF_PIECES = 6**3  # of three kernels or biases that are packed on one side, each three of the other's: a GRU by hand
TRIED = "tried"


def paired(reference: Sequence[Array], port: Sequence[Array]) -> list[Group]:
    """Groups in the end: settled ones are pairs, of the others the arrays could not be told apart or are left over."""
    reference_side, port_side = SideArrays(list(reference)), SideArrays(list(port))
    groups: list[Group] = []
    for identity in dict.fromkeys((array.what, array.rule) for array in (*reference, *port)):
        groups.append(
            Group(
                [array for array in reference if (array.what, array.rule) == identity],
                [array for array in port if (array.what, array.rule) == identity],
            )
        )
    groups = settle(groups, reference_side, port_side)
    again = [replace(group, number=-1) for group in (*groups, *_loosely(groups))]
    return settle(again, reference_side, port_side)


def branches(groups: Sequence[Group], reference: Sequence[Array], port: Sequence[Array]) -> list[list[Group]]:
    """Every way to settle the groups that no evidence takes apart: an array of them is paired with each of its
    candidates in turn, in all layers that are alike in the same way, and what that settles of the others is settled.
    Only ``groups`` where there are too many ways.
    """
    sides = SideArrays(list(reference)), SideArrays(list(port))
    most = OF_PIECES if all(_of_pieces(group) for group in groups if group.open) else BRANCHES
    waiting, settled = [list(groups)], list[list[Group]]()
    while waiting:
        groups_here = waiting.pop()
        at = next((at for at, group in enumerate(groups_here) if group.open), None)
        if at is None:
            settled.append(groups_here)
            continue
        first, *_ = groups_here[at].reference
        for other in groups_here[at].port:
            left = [part for group in groups_here for part in _chosen(group, groups_here[at], first, other)]
            waiting.append(settle([replace(group, number=-1) for group in left], *sides))
        if len(waiting) + len(settled) > most:
            return [list(groups)]
    return settled[::-1]


def _chosen(group: Group, like: Group, first: Array, other: Array) -> list[Group]:
    """A group with its counterparts of ``first`` and ``other`` made a pair, where it is ``like`` or that of another
    layer of its kind; any other as it is."""
    if not group.open:
        return [group]
    (mine, theirs), (known, there) = (
        [_labels(arrays) for arrays in (one.reference, one.port)] for one in (group, like)
    )
    if group is not like and (mine.keys() != known.keys() or theirs.keys() != there.keys()):
        return [group]
    own = mine[next(label for label, array in known.items() if array is first)]
    its = theirs[next(label for label, array in there.items() if array is other)]
    return [
        Group([own], [its], (*group.reasons, TRIED)),
        Group(
            [array for array in group.reference if array is not own],
            [array for array in group.port if array is not its],
            group.reasons,
        ),
    ]


def _of_pieces(group: Group) -> bool:
    """Whether one side's arrays are the pieces of one that it packs."""
    return any(
        all(array.tag for array in side) and len({array.name for array in side}) == 1
        for side in (group.reference, group.port)
    )


def _labels(arrays: Sequence[Array]) -> dict[tuple[str, str, int], Array]:
    """The arrays by their names without numbers, the pieces that they are, and which of several such they are; a piece
    without a name is one layer's of a stack, and alike in all of them."""
    labels: dict[tuple[str, str, int], Array] = {}
    for array in sorted(arrays, key=lambda array: sorted(array.numbers)):
        kind = NUMBER.sub("#", array.name), "" if array.tag.isdigit() else array.tag
        labels[*kind, sum(label[:2] == kind for label in labels)] = array
    return labels


def _loosely(groups: list[Group]) -> list[Group]:
    """New groups of what is left over on both sides and has one shape: a table indexed here, cut there."""
    left = [group for group in groups if len(group.reference) != len(group.port)]
    by_shape: dict[tuple, Group] = {}
    for group in left:
        for arrays, reference in ((group.reference, True), (group.port, False)):
            for array in arrays:
                if array.loosely is not None:
                    key = (array.loosely, array.rule)
                    alike = by_shape.setdefault(key, Group([], [], ("the only one of its shape",)))
                    (alike.reference if reference else alike.port).append(array)
    new = [group for group in by_shape.values() if group.reference and group.port]
    moved = {array for group in new for array in (*group.reference, *group.port)}
    for group in left:
        group.reference = [array for array in group.reference if array not in moved]
        group.port = [array for array in group.port if array not in moved]
    return new


def settle(groups: list[Group], reference: SideArrays, port: SideArrays) -> list[Group]:
    """Split groups until no evidence splits any. The strongest evidence is asked again after each success."""
    counter = 0
    while True:
        for group in groups:
            if group.number < 0:
                group.number = counter = counter + 1
            balanced = len(group.reference) == len(group.port)
            for array in (*group.reference, *group.port):
                # Arrays of one unsettled group have one number: alike on both sides, telling nothing apart.
                array.group = group.number if balanced else -1
        for reason, evidence in EVIDENCE:
            changed = _split_all(groups, reason, evidence, reference, port)
            if changed is not None:
                groups = changed
                break
        else:
            return groups


def _split_all(
    groups: list[Group], reason: str, evidence: Evidence, reference: SideArrays, port: SideArrays
) -> list[Group] | None:
    """The groups taken apart by one evidence; None where it takes none apart."""
    out: list[Group] = []
    filled = [group for group in groups if group.reference or group.port]
    for group in filled:
        if group.settled or not group.reference or not group.port:
            out.append(group)
            continue
        keys, whole = evidence(group, reference, port)
        out += split_group(group, keys, whole, reason)
    return out if len(out) > len(filled) else None
