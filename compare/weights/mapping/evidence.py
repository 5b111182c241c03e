"""What can tell arrays of one kind and size apart: a key for each of them, which both sides must agree on.

Each kind of evidence sees a group (arrays of both sides that may be paired so far) and gives every array a key. Arrays
whose key is as frequent on one side as on the other form a group of their own; what the sides disagree on is no
evidence, and the group stays whole for the next.
"""

from collections.abc import Callable, Sequence
from itertools import product

from compare.weights.mapping.groups import IN_ORDER, Group, Key, SideArrays
from compare.weights.mapping.paired import Array, layers_of

LARGE = 100  # a layer with more arrays than that is a model

Evidence = Callable[[Group, SideArrays, SideArrays], tuple[dict[Array, Key], bool]]


def by_numbered_names(group: Group, reference: SideArrays, port: SideArrays) -> tuple[dict[Array, Key], bool]:
    """Words with their numbers, where both sides have the very same set of them."""
    mine = {name for array in group.reference for name in array.numbers}
    theirs = {name for array in group.port for name in array.numbers}
    shared = {word for word, _ in mine} & {word for word, _ in theirs}
    agreed = {
        word
        for word in shared
        if {number for name, number in mine if name == word} == {number for name, number in theirs if name == word}
    }
    told = _telling_words(group)
    return {
        array: (frozenset(name for name in array.numbers if name[0] in agreed), _words_and_tag(array) & told)
        for array in (*group.reference, *group.port)
    }, True


def by_words(group: Group, reference: SideArrays, port: SideArrays) -> tuple[dict[Array, Key], bool]:
    """The words that occur on both sides."""
    told = _telling_words(group)
    return {array: (_words_and_tag(array) & told) or None for array in (*group.reference, *group.port)}, False


def _telling_words(group: Group) -> frozenset[str]:
    """Those of both sides, but for what every array is called."""
    mine = [_words_and_tag(other) for other in group.reference]
    theirs = [_words_and_tag(other) for other in group.port]
    shared = frozenset().union(*mine) & frozenset().union(*theirs)
    common = frozenset.intersection(*mine, *theirs)
    return shared - common


def _words_and_tag(array: Array) -> frozenset[str]:
    return array.words | ({array.tag} if array.tag and not array.tag.isdigit() else frozenset())


def by_pieces(group: Group, reference: SideArrays, port: SideArrays) -> tuple[dict[Array, Key], bool]:
    """Pieces of one weight, by their place in it."""
    return {array: array.tag or None for array in (*group.reference, *group.port)}, True


def by_layer(mine: int, theirs: int) -> Evidence:
    """What is settled already of the same layer, or of one that holds it: the innermost, the next one, and so on.

    The two sides nest their layers differently, so each has its own depth.
    """

    def keys_of(group: Group, reference: SideArrays, port: SideArrays) -> tuple[dict[Array, Key], bool]:
        keys: dict[Array, Key] = {}
        for arrays, side, depth in ((group.reference, reference, mine), (group.port, port, theirs)):
            for array in arrays:
                keys[array] = _settled_around(array, side, depth)
        return keys, False

    return keys_of


def _settled_around(array: Array, side: SideArrays, depth: int) -> Key:
    last: frozenset[int] = frozenset()
    for layer in layers_of(array):
        inside = side.inside[layer]
        if len(inside) > LARGE:
            return None
        settled = frozenset(other.group for other in inside if other.group >= 0 and other is not array)
        if settled != last:
            last, depth = settled, depth - 1
            if depth < 0:
                return settled
    return None


def by_hints(group: Group, reference: SideArrays, port: SideArrays) -> tuple[dict[Array, Key], bool]:
    """Subtracted, or under a root: a mean, a variance."""
    return {array: array.hints for array in (*group.reference, *group.port)}, True


def by_neighbours(group: Group, reference: SideArrays, port: SideArrays) -> tuple[dict[Array, Key], bool]:
    """The settled arrays that come just before and just after it."""
    keys: dict[Array, Key] = {}
    for arrays, side in ((group.reference, reference), (group.port, port)):
        for array in arrays:
            before, after = (
                frozenset(other.group for use in uses for other in side.of_use.get(use, []))
                for uses in (array.before, array.after)
            )
            keys[array] = (before, after) if array.unit.uses else None
    return keys, False


def by_source(group: Group, reference: SideArrays, port: SideArrays) -> tuple[dict[Array, Key], bool]:
    """The settled arrays that come just before it, where what comes after tells nothing: a loop that one side writes
    out step by step leads from each step to the next."""
    keys: dict[Array, Key] = {}
    for arrays, side in ((group.reference, reference), (group.port, port)):
        for array in arrays:
            before = frozenset(other.group for use in array.before for other in side.of_use.get(use, []))
            keys[array] = before or None
    return keys, True


def by_fate(group: Group, reference: SideArrays, port: SideArrays) -> tuple[dict[Array, Key], bool]:
    """The functions that its result goes through before the next weight."""
    return {array: array.fate for array in (*group.reference, *group.port)}, True


def by_order(group: Group, reference: SideArrays, port: SideArrays) -> tuple[dict[Array, Key], bool]:
    """How many of the group come before it, one after another: what is parallel stays together."""
    keys: dict[Array, Key] = {}
    for arrays in (group.reference, group.port):
        depth: dict[Array, int] = {}
        for array in sorted(arrays, key=lambda array: array.first):
            earlier = [depth[other] for other in depth if _precedes(other, array)]
            depth[array] = 1 + max(earlier, default=-1)
        keys |= depth
    return keys, True


def _precedes(earlier: Array, later: Array) -> bool:
    return earlier.first < 1 << 60 and bool(later.ancestors >> earlier.first & 1)


def by_position(group: Group, reference: SideArrays, port: SideArrays) -> tuple[dict[Array, Key], bool]:
    """Members of one list on the reference's side, numbered layers on the port's: the numbers in their order. Of
    several lists beside each other what has one number is together."""
    ranks: dict[Array, Key] = {}
    for arrays in (group.reference, group.port):
        numbers: dict[Array, tuple] = {array: tuple(sorted(array.numbers)) for array in arrays}
        lists: dict[tuple, list[tuple]] = {}
        for name in numbers.values():
            lists.setdefault(tuple(word for word, _ in name), []).append(tuple(number for _, number in name))
        if len({tuple(sorted(own)) for own in lists.values()}) != 1:
            return dict.fromkeys((*group.reference, *group.port)), True
        if len(lists) > 1:
            numbers = {array: tuple(number for _, number in name) for array, name in numbers.items()}
        order = sorted(set(numbers.values()))
        ranks |= {array: order.index(name) for array, name in numbers.items()}
    return ranks, True


EVIDENCE: Sequence[tuple[str, Evidence]] = (
    ("by name", by_numbered_names),
    ("by name", by_words),
    *(("by its layer", by_layer(mine, theirs)) for mine, theirs in product(range(3), repeat=2)),
    ("by what is done with it", by_hints),
    (IN_ORDER, by_order),
    ("by its neighbours", by_neighbours),
    ("by what comes before it", by_source),
    ("by what follows", by_fate),
    ("by its place in the whole", by_pieces),
    ("by number", by_position),
)
