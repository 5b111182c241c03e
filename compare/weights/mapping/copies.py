"""One array of the reference that the port holds in several: a tied head beside the embedding, both with its values."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace

from compare.weights.mapping.paired import Array
from compare.weights.mapping.plain_layouts import plain_layouts
from compare.weights.mapping.slots import is_whole
from compare.weights.weights import Entry


def copies_of(left: Array, arrays: Iterable[Array]) -> list[Entry]:
    """The lines that a leaf which is left over may have: those of the arrays that the reference uses more than once,
    and that have its sizes. Whether one holds, both functions tell.

    Args:
        left: of the port; arrays: of the reference, each of which has its leaf.
    """
    lines: list[Entry] = []
    for array in dict.fromkeys(arrays):
        if len(array.unit.uses) > 1 and is_whole(array.unit) and not (array.unit.is_complex or left.unit.is_complex):
            why = "the reference uses one array for both"
            lines += plain_layouts(array.name, array.unit.shape, left.name, left.unit.shape, why)
    return [replace(line, tied=True) for line in lines]


def first_used(arrays: Sequence[Array], candidates: Sequence[Array]) -> Array | None:
    """Of several candidates for the only one of ``arrays`` that which is used first; None where the reference does not
    use it as often as there are candidates."""
    if len(arrays) != 1 or not 1 < len(candidates) <= len(arrays[0].unit.uses):
        return None
    return min(candidates, key=lambda one: one.first)


def said_of_copies(entries: Iterable[Entry]) -> Iterator[str]:
    """A notice of each array that the port holds more than once: trained, its arrays part."""
    first: dict[str, str] = {}
    more: dict[str, list[str]] = {}
    for entry in entries:
        if entry.tied:
            more.setdefault(entry.reference, []).append(entry.port)
        else:
            first.setdefault(entry.reference, entry.port)
    for name, paths in more.items():
        every = ", ".join([first.get(name, ""), *paths][:-1]) + f" and {paths[-1]}"
        yield (
            f"{name} is one array of the reference that is used {len(paths) + 1} times, and the port holds it as "
            f"{every}: each was given its values, and the sum of their gradients is compared, the reference's. "
            "An optimizer gives each of them its own gradient, after which they are no longer one: tie them in the "
            "port, or give each the sum"
        )
