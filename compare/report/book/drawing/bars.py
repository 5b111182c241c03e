"""Bars in groups: PyTorch's filled, JAX's open, each with its side and its number in words."""

from typing import Literal, TypedDict

from markupsafe import Markup

from compare.report.book.drawing.canvas import NAMES, WIDTH, Canvas, Side, wide

LEFT, THICK, ROW, HEAD = 66.0, 16.0, 24.0, 22.0


class Bar(TypedDict):
    """A length, and what is written at its end; bars with one ``group`` stand together."""

    group: str
    side: Side
    value: float
    told: str


class Bars(TypedDict):
    """Bars from one line, zero."""

    kind: Literal["bars"]
    title: str
    side: Side
    bars: list[Bar]


def draw(one: Bars) -> Markup:
    """The bars under their groups' names.

    Raises:
        ValueError: a bar is shorter than nothing.
    """
    if min(bar["value"] for bar in one["bars"]) < 0:
        raise ValueError("expected bars of zero or more")
    canvas, top, group = Canvas(), 4.0, ""
    longest = max(bar["value"] for bar in one["bars"]) or 1.0
    room = WIDTH - LEFT - 8 - max(wide(bar["told"]) for bar in one["bars"])
    for bar in one["bars"]:
        if bar["group"] != group:
            group = bar["group"]
            canvas.text(2, top + 14, group, "title")
            top += HEAD
        length = room * bar["value"] / longest
        canvas.text(2, top + 13, NAMES[bar["side"]], "small")
        canvas.rect(LEFT, top, max(length, 1.5), THICK, f"bar {bar['side']}")
        canvas.text(LEFT + length + 7, top + 13, bar["told"])
        top += ROW
    told = "; ".join(f"{bar['group']}, {NAMES[bar['side']]}: {bar['told']}" for bar in one["bars"])
    return canvas.svg(top + 2, f"{one['title']}. {told}")
