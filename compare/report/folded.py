"""Lines of many layers that are alike, as one: the numbers in their names as a range."""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from math import prod

FEW = 6  # numbers that are listed where they are no range
Key = tuple[str, ...]


@dataclass
class FoldedLines:
    """Lines whose names differ in numbers alone, and that say the same.

    Attributes:
        names: of each line, as they are.
        text: what all of them say.
    """

    names: list[Key]
    text: str

    @property
    def shown(self) -> Key:
        """The names, each of them once, with ranges of numbers."""
        return tuple(_ranged([names[at] for names in self.names]) for at in range(len(self.names[0])))


def folded(lines: Iterable[tuple[Key, str]]) -> list[FoldedLines]:
    """The lines in the order in which the first of each kind comes.

    Args:
        lines: the names that a line is about, and what it says.
    """
    by_kind: dict[tuple[Key, str], FoldedLines] = {}
    for names, text in lines:
        kind = (tuple(re.sub(r"\d+", "#", name) for name in names), text)
        by_kind.setdefault(kind, FoldedLines([], text)).names.append(names)
    return [one for each in by_kind.values() for one in _apart(each)]


def _apart(lines: FoldedLines) -> list[FoldedLines]:
    """The kind as it is; where not every combination of its numbers is there, by the first of them that varies.

    Numbers that go together (a layer's here and there, be it from another one on) are one; a layer that is another's
    is none of them, and shows.
    """
    every = [[int(one) for name in names for one in re.findall(r"\d+", name)] for names in lines.names]
    columns = [*zip(*every, strict=True)]
    varying = {
        tuple(one - min(column) for one in column): at for at, column in enumerate(columns) if len({*column}) > 1
    }
    if len(varying) <= 1 or prod(len({*column}) for column in varying) == len(lines.names):
        return [lines]
    first = min(varying.values())
    groups: dict[int, FoldedLines] = {}
    for names, numbers in zip(lines.names, every, strict=True):
        groups.setdefault(numbers[first], FoldedLines([], lines.text)).names.append(names)
    return [one for group in groups.values() for one in _apart(group)]


def _ranged(names: list[str]) -> str:
    """Names that differ in numbers alone as one."""
    parts = [re.split(r"(\d+)", name) for name in names]
    return "".join(_numbers([part[at] for part in parts]) for at in range(len(parts[0])))


def _numbers(texts: list[str]) -> str:
    if len(set(texts)) == 1:
        return texts[0]
    numbers = sorted({int(text) for text in texts})
    if numbers == [*range(numbers[0], numbers[-1] + 1)]:
        return f"{{{numbers[0]}-{numbers[-1]}}}"
    few = ",".join(map(str, numbers[:FEW]))
    return f"{{{few}{',...' if len(numbers) > FEW else ''}}}"
