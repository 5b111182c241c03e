"""Pairs the arrays of both sides: groups of equals are taken apart by one evidence after another."""

from collections.abc import Sequence

from compare.weights.mapping.evidence import EVIDENCE, Group, Side, split
from compare.weights.mapping.paired import Array


def paired(reference: Sequence[Array], port: Sequence[Array]) -> list[Group]:
    """Groups in the end: settled ones are pairs, of the others the arrays could not be told apart or are left over."""
    one, two = Side(list(reference)), Side(list(port))
    groups: list[Group] = []
    for what in dict.fromkeys((array.what, array.rule) for array in (*reference, *port)):
        groups.append(
            Group(
                [array for array in reference if (array.what, array.rule) == what],
                [array for array in port if (array.what, array.rule) == what],
            )
        )
    groups = settle(groups, one, two)
    return settle([*groups, *_loosely(groups)], one, two)


def _loosely(groups: list[Group]) -> list[Group]:
    """New groups of what is left over on both sides and has one shape: a table indexed here, cut there."""
    left = [group for group in groups if len(group.reference) != len(group.port)]
    found: dict[tuple, Group] = {}
    for group in left:
        for arrays, reference in ((group.reference, True), (group.port, False)):
            for array in arrays:
                if array.loosely is not None:
                    alike = found.setdefault((array.loosely, array.rule), Group([], [], ("the only one of its shape",)))
                    (alike.reference if reference else alike.port).append(array)
    new = [group for group in found.values() if group.reference and group.port]
    moved = {array for group in new for array in (*group.reference, *group.port)}
    for group in left:
        group.reference = [array for array in group.reference if array not in moved]
        group.port = [array for array in group.port if array not in moved]
    return new


def settle(groups: list[Group], one: Side, two: Side) -> list[Group]:
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
            changed = _apply(groups, reason, evidence, one, two)
            if changed is not None:
                groups = changed
                break
        else:
            return groups


def _apply(groups: list[Group], reason: str, evidence, one: Side, two: Side) -> list[Group] | None:  # type: ignore[no-untyped-def]
    out: list[Group] = []
    filled = [group for group in groups if group.reference or group.port]
    for group in filled:
        if group.settled or not group.reference or not group.port:
            out.append(group)
            continue
        keys, whole = evidence(group, one, two)
        out += split(group, keys, whole, reason)
    return out if len(out) > len(filled) else None
