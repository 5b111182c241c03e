"""Nodes on a grid, and arrows between them."""

from typing import Literal, NotRequired, TypedDict

from markupsafe import Markup

from compare.report.book.drawing.canvas import WIDTH, Canvas, Point, Side, wide

ROW, HIGH, TALL, PAD = 56.0, 30.0, 44.0, 18.0
Box = tuple[float, float, float, float]  # its middle, half of its width, half of its height


class Node(TypedDict):
    """A text at a column and a row, counted from 0, halves too. ``note``: a second line; ``shape``: a box, a rounded
    box for what computes, a dashed one for what is empty or refused, or the text alone."""

    name: str
    text: str
    at: tuple[float, float]
    note: NotRequired[str]
    shape: NotRequired[Literal["box", "round", "dashed", "bare"]]
    strong: NotRequired[bool]


class Edge(TypedDict):
    """An arrow from one node to another; ``cut``: it is crossed out; ``aside``: it leaves and enters sidewise."""

    begin: str
    end: str
    text: NotRequired[str]
    dashed: NotRequired[bool]
    cut: NotRequired[bool]
    aside: NotRequired[bool]


class Graph(TypedDict):
    """Nodes and edges, ``columns`` beside each other, rows ``row`` units apart; ``across``: it is read from left to
    right, so edges leave and enter sidewise, and a column's nodes are of one width: no edge crosses one."""

    kind: Literal["graph"]
    title: str
    side: Side
    columns: int
    nodes: list[Node]
    edges: list[Edge]
    row: NotRequired[float]
    across: NotRequired[bool]


def draw(one: Graph) -> Markup:
    """Edges first, so that nodes lie on them.

    Raises:
        KeyError: an edge names no node.
    """
    canvas, step = Canvas(), one.get("row", ROW)
    column = WIDTH / one["columns"]
    boxes = {node["name"]: _box(node, column, step) for node in one["nodes"]}
    if one.get("across"):
        boxes = _of_one_width(boxes)
    for edge in one["edges"]:
        across = edge.get("aside", one.get("across", False))
        begin, end = _ends(boxes[edge["begin"]], boxes[edge["end"]], across=across)
        canvas.arrow(begin, end, "edge", "5 4" if edge.get("dashed") else "")
        middle = ((begin[0] + end[0]) / 2, (begin[1] + end[1]) / 2)
        if edge.get("cut"):
            canvas.path([(middle[0] - 7, middle[1] - 5), (middle[0] + 7, middle[1] + 5)], f"line {one['side']}")
            canvas.path([(middle[0] - 7, middle[1] + 5), (middle[0] + 7, middle[1] - 5)], f"line {one['side']}")
        beside = abs(begin[0] - end[0]) < abs(begin[1] - end[1])
        offset = (11.0, 4.0) if beside else (0.0, -6.0)
        anchor = "start" if beside else "middle"
        canvas.text(middle[0] + offset[0], middle[1] + offset[1], edge.get("text", ""), "small", anchor)
    for node in one["nodes"]:
        _node(canvas, node, boxes[node["name"]], one["side"])
    bottom = max(y + high for _, y, _, high in boxes.values())
    said = [f"{node['text']} {node.get('note', '')}".strip() for node in one["nodes"]]
    texts = {node["name"]: node["text"] for node in one["nodes"]}
    led = [f"{texts[edge['begin']]} to {texts[edge['end']]}" for edge in one["edges"]]
    return canvas.svg(bottom + 4, f"{one['title']}. {'; '.join(said)}. Arrows: {'; '.join(led) or 'none'}")


def _box(node: Node, column: float, step: float) -> Box:
    high = TALL if node.get("note") else HIGH
    widest = max(wide(node["text"]), wide(node.get("note", "")))
    x = (node["at"][0] + 0.5) * column
    pad = PAD if node.get("shape") == "round" and node.get("note") else PAD / 2
    half = min(widest / 2 + pad, x - 1, WIDTH - 1 - x)  # stays on the canvas
    return x, TALL / 2 + 3 + node["at"][1] * step, half, high / 2


def _of_one_width(boxes: dict[str, Box]) -> dict[str, Box]:
    """The same, each as wide as the widest of its column."""
    widest = {x: max(half for at, _, half, _ in boxes.values() if at == x) for x, *_ in boxes.values()}
    return {name: (x, y, widest[x], high) for name, (x, y, _, high) in boxes.items()}


def _ends(begin: Box, end: Box, *, across: bool) -> tuple[Point, Point]:
    """From the border of one box to that of the other: between rows from below to above, within a row sidewise."""
    x, y, wide_half, high = begin
    to_x, to_y, to_wide, to_high = end
    if across or abs(y - to_y) < 1:
        way = 1 if to_x > x else -1
        return (x + way * wide_half, y), (to_x - way * to_wide, to_y)
    way = 1 if to_y > y else -1
    return (x, y + way * high), (to_x, to_y - way * to_high)


def _node(canvas: Canvas, node: Node, box: Box, side: Side) -> None:
    x, y, half, high = box
    shape, strong = node.get("shape", "box"), node.get("strong")
    if shape != "bare":
        kind = f"node {shape}{f' strong {side}' if strong else ''}"
        canvas.rect(x - half, y - high, 2 * half, 2 * high, kind, rounded=high if shape == "round" else 4)
    note = node.get("note", "")
    canvas.text(x, y + (-3 if note else 4.5), node["text"], "in", "middle")
    canvas.text(x, y + 14, note, "small", "middle")
