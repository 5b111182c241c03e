"""What no evidence paired: arrays of both sides that have one name, or that are the only ones of their sizes.

Used in ways that the walk does not follow (rolled, put on a diagonal), two arrays look unlike. That they have the very
same name and shape is evidence where nothing contradicts it; anything less is a guess, which must be tried on what both
functions do.
"""

from collections.abc import Container, Iterator, Mapping, Sequence
from dataclasses import dataclass
from math import prod

from compare.weights.mapping.names import tokens
from compare.weights.mapping.plain_layouts import flat_layouts, plain_layouts
from compare.weights.weights import Entry

Shape = tuple[int, ...]


@dataclass(frozen=True)
class Guess:
    """Two arrays that may be one: their possible lines, the plainest first; ``sure``: their name and shape say so."""

    lines: tuple[Entry, ...]
    sure: bool


def plain_name(path: str) -> str:
    """A leaf's path as the reference would name it: without its collection, with dots."""
    return path.partition("/")[2].replace("/", ".")


def identity(
    mine: Mapping[str, Shape], theirs: Mapping[str, Shape], optional: Container[str], tied: Mapping[str, str] = {}
) -> list[Entry] | None:
    """Every array as the leaf of its name, which also has its shape: a converter's port; None where one has none.

    Args:
        mine, theirs: shapes of all arrays of the reference and leaves of the port.
        optional: those of both that may be left over.
        tied: further names of the reference's arrays, and their first: a ``state_dict`` has an array under each.
    """
    every = {**mine, **{name: mine[first] for name, first in tied.items() if first in mine}}
    leaves = {plain_name(path): path for path, shape in theirs.items() if every.get(plain_name(path)) == shape}
    left = [
        *(name for name in mine if name not in leaves),
        *(path for path in theirs if plain_name(path) not in leaves),
    ]
    if any(name not in optional for name in left):
        return None
    why = "every name and shape is the reference's"
    return [Entry(tied.get(name, name), path, reason=why, tied=name in tied) for name, path in leaves.items()]


def guesses(mine: Mapping[str, Shape], theirs: Mapping[str, Shape]) -> list[Guess]:
    """The arrays ``mine`` of the reference paired with leaves ``theirs``, as far as one name or the sizes go."""
    left, found = dict(theirs), list[Guess]()
    for sure, keys in ((True, _by_name), (False, _by_words), (False, _by_sizes), (False, _by_patch)):
        there = _unique(left, keys(left))
        here = _unique({name: shape for name, shape in mine.items() if not _done(name, found)}, keys(mine))
        for key, name in here.items():
            path = there.get(key)
            if path is None:
                continue
            why = "the same name and shape" if sure else "the only one of its sizes"
            lines = plain_layouts(name, mine[name], path, left[path], why) or flat_layouts(
                name, mine[name], path, left[path], "a kernel over patches that are cut out and flattened"
            )
            if lines:
                found.append(Guess(tuple(lines), sure))
                del left[path]
    return found


def _done(name: str, found: Sequence[Guess]) -> bool:
    return any(guess.lines[0].reference == name for guess in found)


def _unique(names: Mapping[str, Shape], keys: Mapping[str, object]) -> dict[object, str]:
    """The names whose key is no other's, by their keys."""
    own = [keys[name] for name in names]
    return {keys[name]: name for name in names if own.count(keys[name]) == 1}


def _by_name(names: Mapping[str, Shape]) -> dict[str, object]:
    return {name: (plain_name(name) if "/" in name else name, shape) for name, shape in names.items()}


def _by_words(names: Mapping[str, Shape]) -> dict[str, object]:
    return {name: (frozenset(tokens(name.partition("/")[2] or name)), sizes) for name, sizes in _sizes(names)}


def _by_sizes(names: Mapping[str, Shape]) -> dict[str, object]:
    return dict(_sizes(names))


def _by_patch(names: Mapping[str, Shape]) -> dict[str, object]:
    """A kernel as the matrix that it is to a flattened patch, and a matrix as it is."""
    return {
        name: (*sorted((shape[0], prod(shape[1:]))),) if len(shape) > 2 and "/" not in name else (*sorted(shape),)
        for name, shape in names.items()
    }


def _sizes(names: Mapping[str, Shape]) -> Iterator[tuple[str, tuple[int, ...]]]:
    for name, shape in names.items():
        yield name, tuple(sorted(size for size in shape if size > 1))
