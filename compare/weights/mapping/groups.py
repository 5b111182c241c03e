"""Groups of arrays that may be paired, which evidence takes apart until each is a pair."""

from collections import Counter
from collections.abc import Hashable
from dataclasses import dataclass, field

from compare.weights.mapping.paired import Array, layers_of

IN_ORDER = "by order of use"
Key = Hashable | None  # None: this evidence says nothing of that array


@dataclass
class Group:
    """Arrays of both sides that may be paired, and what brought them together."""

    reference: list[Array]
    port: list[Array]
    reasons: tuple[str, ...] = ()
    number: int = -1

    @property
    def settled(self) -> bool:
        return len(self.reference) == len(self.port) == 1

    @property
    def open(self) -> bool:
        """Whether there are several of each, as many here as there: which is which, no evidence told."""
        return len(self.reference) == len(self.port) > 1


@dataclass
class SideArrays:
    """All arrays of one side, and which of them a use belongs to."""

    arrays: list[Array]
    of_use: dict[int, list[Array]] = field(default_factory=dict)
    inside: dict[str, list[Array]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for array in self.arrays:
            for layer in layers_of(array):
                self.inside.setdefault(layer, []).append(array)
            for use in array.unit.uses:
                self.of_use.setdefault(use, []).append(array)


def split_group(group: Group, keys: dict[Array, Key], whole: bool, reason: str) -> list[Group]:
    """The group taken apart by the keys that both sides have equally often; ``whole``: all keys or none must agree."""
    mine = Counter(keys[array] for array in group.reference)
    theirs = Counter(keys[array] for array in group.port)
    if whole and mine != theirs:
        return [group]
    agreed = [key for key in mine if key is not None and mine[key] == theirs[key]]
    if not agreed or (len(mine) == 1 and len(theirs) == 1):
        return [group]
    parts = [
        Group(
            [array for array in group.reference if keys[array] == key],
            [array for array in group.port if keys[array] == key],
            (*group.reasons, f"{_nth(key)} of {len(mine)} alike, {reason}" if reason == IN_ORDER else reason),
        )
        for key in agreed
    ]
    rest = Group(
        [array for array in group.reference if keys[array] not in agreed],
        [array for array in group.port if keys[array] not in agreed],
        group.reasons,
    )
    return parts + ([rest] if rest.reference or rest.port else [])


def _nth(place: Key) -> str:
    number = int(str(place)) + 1
    ending = {1: "st", 2: "nd", 3: "rd"}.get(number % 10, "th") if number % 100 not in (11, 12, 13) else "th"
    return f"{number}{ending}"
