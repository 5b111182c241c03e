"""What every drawing is put on: SVG elements in plain text, whose colours the page's style gives them by class.

A drawing is as wide as a phone's column, so that a text of 13 units is at least 13 pixels high wherever it is shown.
"""

from collections.abc import Sequence
from math import hypot
from typing import Literal

from markupsafe import Markup, escape

Side = Literal["torch", "jax", "plain"]
Point = tuple[float, float]

WIDTH = 340.0
LETTER = 7.6  # the width to allow for a letter of 13 units
DOT = 3.1  # half of a square's width
RING = 4.7  # a circle goes around a square that it lies on
TIP = 7.0  # of an arrow
NAMES: dict[Side, str] = {"torch": "PyTorch", "jax": "JAX", "plain": ""}


class Canvas:
    """Elements in the order in which they are painted."""

    def __init__(self) -> None:
        self._marks: list[Markup] = []

    def svg(self, height: float, label: str, width: float = WIDTH) -> Markup:
        """The whole, ``height`` units high; ``label`` says it to who cannot see it."""
        box = f"0 0 {number(width)} {number(height)}"
        inner = Markup("\n").join(self._marks)
        return Markup('<svg viewBox="{}" role="img" aria-label="{}">\n{}\n</svg>').format(box, label, inner)

    def text(self, x: float, y: float, text: str, kind: str = "", anchor: str = "start") -> None:
        """A line of text on the base line ``y``; nothing for no text."""
        if text:
            inner = escape(text)
            self._add("text", {"class": kind, "x": x, "y": y, "text-anchor": anchor}, inner)

    def path(self, points: Sequence[Point], kind: str, dashes: str = "") -> None:
        """A line through the points."""
        told = " ".join(f"{number(x)},{number(y)}" for x, y in points)
        self._add("polyline", {"class": kind, "points": told, "stroke-dasharray": dashes})

    def curve(self, begin: Point, bend: Point, end: Point, kind: str) -> None:
        """An arc from ``begin`` to ``end``, drawn towards ``bend``."""
        told = [number(one) for point in (begin, bend, end) for one in point]
        self._add("path", {"class": kind, "d": "M{} {}Q{} {} {} {}".format(*told)})

    def rect(self, x: float, y: float, width: float, height: float, kind: str, rounded: float = 0, **more: str) -> None:
        """A rectangle from its upper left corner; ``more``: attributes, with ``_`` for ``-``."""
        given = {name.replace("_", "-"): value for name, value in more.items()}
        radius = rounded or ""
        self._add("rect", {"class": kind, "x": x, "y": y, "width": width, "height": height, "rx": radius, **given})

    def dot(self, x: float, y: float, mark: str, side: Side) -> None:
        """A ``square``, a ``circle`` or a ``cross`` at a place; nothing for ``none``."""
        kind = f"dot {side}"
        if mark == "square":
            self._add("rect", {"class": kind, "x": x - DOT, "y": y - DOT, "width": 2 * DOT, "height": 2 * DOT})
        elif mark == "circle":
            self._add("circle", {"class": f"{kind} open", "cx": x, "cy": y, "r": RING})
        elif mark == "cross":
            told = [number(one) for one in (x - DOT, y - DOT, x + DOT, y + DOT, x - DOT, y + DOT, x + DOT, y - DOT)]
            self._add("path", {"class": f"line {side}", "d": "M{} {}L{} {}M{} {}L{} {}".format(*told)})

    def arrow(self, begin: Point, end: Point, kind: str, dashes: str = "") -> None:
        """A line with a tip at its end."""
        length = hypot(end[0] - begin[0], end[1] - begin[1]) or 1.0
        along = ((end[0] - begin[0]) / length, (end[1] - begin[1]) / length)
        neck = (end[0] - TIP * along[0], end[1] - TIP * along[1])
        self.path([begin, neck], kind, dashes)
        across = (-along[1] * TIP / 2, along[0] * TIP / 2)
        corners = [end, (neck[0] + across[0], neck[1] + across[1]), (neck[0] - across[0], neck[1] - across[1])]
        told = " ".join(f"{number(x)},{number(y)}" for x, y in corners)
        self._add("polygon", {"class": f"tip {kind}", "points": told})

    def _add(self, tag: str, attributes: dict[str, str | float], inner: Markup | None = None) -> None:
        told = Markup(" ").join(
            Markup('{}="{}"').format(name, value if isinstance(value, str) else number(value))
            for name, value in attributes.items()
            if value != ""
        )
        made = Markup("<{} {}>{}</{}>").format(tag, told, inner if inner is not None else "", tag)
        self._marks.append(made)


def number(value: float) -> str:
    """A coordinate, to a tenth of a unit."""
    return f"{round(value, 1) + 0.0:.1f}".removesuffix(".0")  # + 0.0: no -0


def wide(text: str) -> float:
    """The units to leave for a text."""
    return LETTER * len(text)


def broken(text: str, width: float) -> list[str]:
    """The text in lines of at most ``width`` units, broken between words."""
    lines = [""]
    for word in text.split():
        longer = f"{lines[-1]} {word}".strip()
        if lines[-1] and wide(longer) > width:
            lines.append(word)
        else:
            lines[-1] = longer
    return lines
