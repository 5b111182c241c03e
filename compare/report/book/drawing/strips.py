"""Memory as strips of cells, and which cell of one strip is which of the next."""

from typing import Literal, NotRequired, TypedDict

from markupsafe import Markup

from compare.report.book.drawing.canvas import WIDTH, Canvas, Side

HIGH, HEAD, APART, LINKED, ARC = 27.0, 21.0, 12.0, 46.0, 40.0
LARGEST = 58.0  # a cell's width


class Strip(TypedDict):
    """Cells side by side under a name; ``marked`` ones were changed; ``own`` ones stand in a memory of their own."""

    name: str
    cells: list[str]
    marked: NotRequired[list[int]]
    own: NotRequired[bool]


class Strips(TypedDict):
    """Strips below each other. ``links``: (strip, cell, cell of the next strip); ``steps``: (strip, cell, cell, text),
    arcs within a strip."""

    kind: Literal["strips"]
    title: str
    side: Side
    strips: list[Strip]
    links: NotRequired[list[tuple[int, int, int]]]
    steps: NotRequired[list[tuple[int, int, int, str]]]


def draw(one: Strips) -> Markup:
    """The strips, their links and their steps.

    Raises:
        ValueError: a link leads to no cell.
    """
    canvas = Canvas()
    links, steps = one.get("links", []), one.get("steps", [])
    strips = one["strips"]
    for at, begin, end in links:
        sizes = [len(found["cells"]) for found in strips[at : at + 2]]
        if len(sizes) < 2 or begin >= sizes[0] or end >= sizes[1]:
            raise ValueError(f"no cell for the link {(at, begin, end)}")
    width = min(LARGEST, (WIDTH - 4) / max(len(strip["cells"]) for strip in strips))
    top, tops = 0.0, []
    for place, strip in enumerate(strips):
        arcs = [(begin, end, text) for at, begin, end, text in steps if at == place]
        below = any(at == place - 1 for at, *_ in links)  # links end above it: its name stands below
        top += (0 if below else HEAD) + (ARC if arcs else 0)
        tops.append(top)
        canvas.text(2, top + HIGH + 18 if below else top - (ARC + 2 if arcs else 0) - 7, strip["name"])
        for begin, end, text in arcs:
            left, right = (2 + (cell + 0.5) * width for cell in (begin, end))
            canvas.curve((left, top - 2), ((left + right) / 2, top - ARC), (right, top - 2), f"line {one['side']}")
            canvas.text((left + right) / 2, top - ARC / 2 - 4, text, "small", "middle")
        linked = any(at == place for at, *_ in links)
        top += HIGH + (HEAD if below else 0) + (LINKED if linked else APART)
    for at, begin, end in links:
        ends = [(2 + (begin + 0.5) * width, tops[at] + HIGH + 1), (2 + (end + 0.5) * width, tops[at + 1] - 1)]
        canvas.path(ends, f"link {one['side']}")
    for place, strip in enumerate(strips):
        kind = "strip dashed" if strip.get("own") else "strip"
        for cell, text in enumerate(strip["cells"]):
            marked = cell in strip.get("marked", [])
            x = 2 + cell * width
            canvas.rect(x, tops[place], width, HIGH, f"{kind} marked {one['side']}" if marked else kind)
            canvas.text(x + width / 2, tops[place] + 18, text, "in strong" if marked else "in", "middle")
    told = "; ".join(f"{strip['name']}: {', '.join(strip['cells'])}" for strip in strips)
    return canvas.svg(top - APART + 4, f"{one['title']}. {told}")
