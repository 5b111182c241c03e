"""Arrays that one side holds as one and the other as several: a list of layers stacked, two inputs through one kernel.

Such an array is told by its sizes: it does what several of the other side do, all axes alike but one, along which it
has as many entries as they have together.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from math import prod

from compare.weights.mapping.paired import Array, Parting, in_parts
from compare.weights.mapping.units import ALONG, GROUP, IN, OUT, Unit

ROLES = (GROUP, OUT, ALONG, IN)


@dataclass(frozen=True)
class Joint:
    """Arrays ``whole`` of one side, each to be taken apart in one of the ways ``partings``, the likeliest first; each
    piece is one of ``parts`` of the other side."""

    whole: tuple[Array, ...]
    parts: tuple[Array, ...]
    partings: tuple[Parting, ...]

    @property
    def role(self) -> str:
        return self.partings[0].role


def joint(wholes: Sequence[Array], parts: Sequence[Array], layers: Mapping[str, frozenset[str]] = {}) -> Joint | None:
    """The first of ``wholes`` that is several of ``parts``, with all that are like it; None where none is.

    Args:
        wholes, parts: of either side what has found no counterpart, in the order of use.
        layers: of the layer of an array that was joined already, the layers of its parts.
    """
    for (what, rule), alike in _alike(wholes):
        if what[0] == "unused" or alike[0].gate is not None or not _apart_alike(alike):
            continue
        own = _sizes(alike[0])
        for role in ROLES:
            fitting = [one for one in parts if one.rule == rule and _matches(one, what[0], own, role)]
            if alike[0].tag:  # a stack of what is packed is several that are not
                fitting = [one for one in fitting if not one.tag]
            classes = [some for _, some in _alike(fitting)]
            if len(fitting) > 2:  # those whose results go on together: of one of several layers the input and the state
                classes += [some for some in _together(fitting) if len(some) < len(fitting) and some not in classes]
            for mine in [*classes, fitting] if len(classes) > 1 else classes:
                if partings := _fitted(alike, mine, role):
                    return Joint(tuple(alike), tuple(mine), partings)
            for array in alike:  # a bias goes where the kernel beside it went
                mine = [one for one in fitting if one.parent in layers.get(array.parent, ())]
                if partings := _fitted([array], mine, role):
                    return Joint((array,), tuple(mine), partings)
    return None


def _apart_alike(arrays: Sequence[Array]) -> bool:
    """Whether none of the arrays is a piece, or all pieces of each are among them: a stack of what is packed."""
    tags = {array.name: {one.tag for one in arrays if one.name == array.name} for array in arrays}
    pieces = {array.name: array.unit.shape for array in arrays if array.tag}
    counts = {name: sum(one.name == name for one in arrays) for name in tags}
    return not pieces or (
        len(pieces) == len(tags)
        and all(
            _is_all([one for one in arrays if one.name == name]) and counts[name] == len(tags[name]) for name in tags
        )
    )


def _is_all(pieces: Sequence[Array]) -> bool:
    """Whether pieces are all of their array."""
    entries = sum(prod(factor.size for factor in piece.unit.factors) for piece in pieces)
    return entries == prod(pieces[0].unit.shape_in_parts)


def _fitted(alike: Sequence[Array], mine: Sequence[Array], role: str) -> tuple[Parting, ...]:
    """The ways in which each of ``alike`` falls into as many of ``mine``; none where they are not all of them."""
    sizes = [_sizes(one).get(role, 1) for one in mine]
    count = len(mine) // len(alike)
    even = len(alike) == 1 or (len(set(sizes)) == 1 and len(mine) % len(alike) == 0)
    if count < 2 or not even or sum(sizes) != _sizes(alike[0]).get(role, 1) * len(alike):
        return ()
    return tuple(_partings(alike[0].unit, role, sizes[:count]))


def _alike(arrays: Sequence[Array]) -> Iterator[tuple[tuple, list[Array]]]:
    keys = dict.fromkeys((array.what, array.rule) for array in arrays)
    for key in keys:
        yield key, [array for array in arrays if (array.what, array.rule) == key]


def _together(arrays: Sequence[Array]) -> list[list[Array]]:
    """The arrays by what comes after them."""
    by_next: dict[frozenset[str], list[Array]] = {}
    for array in arrays:
        by_next.setdefault(array.meets, []).append(array)
    return list(by_next.values())


def _sizes(array: Array) -> dict[str, int]:
    return {role: size for role, size in array.unit.sizes.items() if size > 1}


def _matches(part: Array, kind: str, own: dict[str, int], role: str) -> bool:
    """Whether an array does the same and has the same axes but for one."""
    theirs = _sizes(part)
    rest = [{name: size for name, size in sizes.items() if name != role} for sizes in (own, theirs)]
    return part.what[0] == kind and part.gate is None and rest[0] == rest[1]


def _partings(unit: Unit, role: str, sizes: Sequence[int]) -> Iterator[Parting]:
    """The factors of that role along which the unit falls into pieces of these sizes, a factor of their number first;
    in the order in which the program cuts it, where it does."""
    factors = [at for at, factor in enumerate(unit.factors) if factor.role == role and factor.size > 1]
    for at in sorted(factors, key=lambda at: (unit.factors[at].size != len(sizes), unit.factors[at].rank)):
        inner = prod(unit.factors[other].size for other in factors if other != at)
        ends = [size // inner for size in sizes]
        if any(size % inner for size in sizes) or sum(ends) != unit.factors[at].size:
            continue
        cut = tuple(stop - start for start, stop in in_parts(unit.factors[at]))
        yield Parting(role, at, cut if sorted(cut) == sorted(ends) else tuple(ends))
