"""The weight map for a person: one paragraph a layer, layers that are alike folded into one."""

import re
from collections.abc import Iterator, Sequence

from rich.console import Console
from rich.text import Text

from compare.report.folded import folded
from compare.report.pieces import INDENT, paragraph
from compare.verdict.counted import counted

PLACE = re.compile(r"\d+(?:st|nd|rd|th) (of \d+ alike)")
LINE = re.compile(r"(?P<reference>\S+) -> (?P<port>\S+) \((?P<text>.*)\)", re.DOTALL)


def show_map(lines: Sequence[str], out: Console) -> None:
    """Each line of the map, ``name -> path (layout: reason)``, below the layers that it is of."""
    for place, (word, text) in enumerate(map_paragraphs(lines)):
        out.print(paragraph("map" if not place else "", Text.assemble(word, text)))


def map_paragraphs(lines: Sequence[str]) -> Iterator[tuple[str, str]]:
    """An indent and a text for each line of the report."""
    parted = [_parted(line) for line in lines]
    own = {(names, PLACE.sub(r"\1", text)): text for names, text in parted}
    # Which of those that are alike an array is says its number, and would be another text in each layer.
    kinds = folded(own)
    many = f", {len(kinds)} once layers that are alike are folded" if len(kinds) < len(lines) else ""
    yield "", f"{counted(len(lines), 'array')}{many}"
    layers: dict[tuple[str, str], list[str]] = {}
    for kind in kinds:
        here, there = (*kind.shown, "")[:2]
        (layer, name), (owner, leaf) = _split(here, "."), _split(there, "/")
        count = f"{len(kind.names)} times: " if len(kind.names) > 1 else ""
        text = f"{name}{f' -> {leaf}' if leaf else ''}: {count}{kind.text if count else own[kind.names[0], kind.text]}"
        layers.setdefault((layer, owner), []).append(text)
    for (layer, owner), texts in layers.items():
        yield "", " -> ".join(filter(None, [layer or "the model", owner]))
        yield from ((INDENT, text) for text in texts)


def _parted(line: str) -> tuple[tuple[str, ...], str]:
    match = LINE.fullmatch(line)
    return ((match["reference"], match["port"]), match["text"]) if match else ((line,), "")


def _split(name: str, mark: str) -> tuple[str, str]:
    layer, _, last = name.rpartition(mark)
    return layer, last
