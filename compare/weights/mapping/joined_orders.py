"""Arrays over what both programs join, or cut, in another order: a class token at the end, the second input first.

Whether such a port has its rows in that order too, or takes those of the reference for others, no program tells: the
rows as they are is what a loader writes, and the other way is there to be tried.
"""

from collections.abc import Mapping, Sequence

from compare.errors import UsageError, swallowed
from compare.weights.mapping.line_layout import entry_of
from compare.weights.mapping.paired import Array, Parting, in_parts, joint_pieces
from compare.weights.mapping.slots import is_whole
from compare.weights.mapping.units import ALONG, GROUP, IN, OUT, Unit
from compare.weights.weights import Entry

ROLES = (GROUP, IN, OUT, ALONG)

Partings = tuple[Parting, Parting]


def joined_order(partners: Mapping[Array, Array]) -> dict[str, list[Entry]]:
    """The lines of every array that is joined in another order on the other side, by the reference's name, with the
    parts of one size being each other.

    Args:
        partners: the leaf that each array is.
    """
    lines: dict[str, list[Entry]] = {}
    for array, other in partners.items():
        partings = joined_otherwise(array.unit, other.unit)
        if partings is None:
            continue
        mine, theirs = (joint_pieces(unit, one) for unit, one in zip((array.unit, other.unit), partings, strict=True))
        order = _places(partings[0].sizes, partings[1].sizes)
        try:
            lines[array.name] = [
                entry_of(
                    piece, theirs[at], f"joined as {_said(partings[1].sizes)} there, {_said(partings[0].sizes)} here"
                )
                for piece, at in zip(mine, order, strict=True)
            ]
        except UsageError as error:  # an axis that no view cuts so
            swallowed(error)
    return lines


def joined_otherwise(reference: Unit, port: Unit) -> Partings | None:
    """How both arrays fall into parts of the same sizes along the same axis, which lie in another order there; None
    where they do not."""
    if not (is_whole(reference) and is_whole(port)) or reference.is_complex or port.is_complex:
        return None
    for role in ROLES:
        for mine in _partings(reference, role):
            for theirs in _partings(port, role):
                if mine.sizes != theirs.sizes and sorted(mine.sizes) == sorted(theirs.sizes):
                    return mine, theirs
    return None


def _partings(unit: Unit, role: str) -> list[Parting]:
    cuts = [(at, in_parts(factor)) for at, factor in enumerate(unit.factors) if factor.role == role and factor.size > 1]
    return [Parting(role, at, tuple(stop - start for start, stop in ranges)) for at, ranges in cuts if ranges]


def _places(mine: Sequence[int], theirs: Sequence[int]) -> list[int]:
    """Of each part the place of that of its size, those of one size in their order."""
    left = [*enumerate(theirs)]
    places = []
    for size in mine:
        found = next(both for both in left if both[1] == size)
        left.remove(found)
        places.append(found[0])
    return places


def _said(sizes: Sequence[int]) -> str:
    return f"({', '.join(map(str, sizes))})"
