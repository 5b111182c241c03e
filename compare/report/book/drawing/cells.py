"""A table of numbers as cells, shaded the deeper the larger the number, with or without the numbers in them."""

from collections.abc import Sequence
from typing import Literal, NotRequired, TypedDict

from markupsafe import Markup

from compare.report.book.drawing.canvas import WIDTH, Canvas, Side, wide

DEEPEST = 0.34  # of a shade with a text on it, which must stay readable
LARGEST = 46.0  # a cell
SWATCHES = 5
TIGHT = 14.0  # a width below which cells have no borders


class Cells(TypedDict):
    """``values[row][column]``; None is a cell that is crossed out.

    ``texts``: what stands in the cells; ``rows``, ``columns``: names beside and above, empty where there is none;
    ``x``, ``y``: what the axes are; ``outlined``: cells to look at; ``ends``: what the faintest and the deepest shade
    mean; ``key``: what a shade measures; ``flat``: of cells, their height over their width.
    """

    kind: Literal["cells"]
    title: str
    side: Side
    values: list[list[float | None]]
    texts: NotRequired[list[list[str]]]
    rows: NotRequired[list[str]]
    columns: NotRequired[list[str]]
    x: NotRequired[str]
    y: NotRequired[str]
    outlined: NotRequired[list[tuple[int, int]]]
    ends: NotRequired[tuple[float, float]]
    key: NotRequired[str]
    flat: NotRequired[float]


def draw(one: Cells) -> Markup:
    """The cells, and where they have a key a scale of their shades below.

    Raises:
        ValueError: the rows are not of one length.
    """
    values = one["values"]
    if len({len(row) for row in values}) != 1:
        raise ValueError(f"expected rows of one length, got {[len(row) for row in values]}")
    canvas, texts = Canvas(), one.get("texts")
    rows, columns = one.get("rows", []), one.get("columns", [])
    left = max([wide(name) for name in rows], default=0.0) + (13 if rows else 0)
    width = min(LARGEST if texts else WIDTH, (WIDTH - left - 2) / len(values[0]))
    height = width * one.get("flat", 0.6 if texts else 1.0)
    top = (18.0 if one.get("y") else 2.0) + (20.0 if columns else 0.0)
    canvas.text(0, 13, one.get("y", ""), "small")
    low, high = one.get("ends") or _ends(values)
    for place, name in enumerate(columns):
        canvas.text(left + (place + 0.5) * width, top - 6, name, "small", "middle")
    for row, numbers in enumerate(values):
        y = top + row * height
        canvas.text(left - 8, y + height / 2 + 4.5, rows[row] if rows else "", "small", "end")
        for column, value in enumerate(numbers):
            x = left + column * width
            _cell(canvas, one["side"], (x, y, width, height), value, _share(value, low, high), texts is not None)
            if texts:
                canvas.text(x + width / 2, y + height / 2 + 4.5, texts[row][column], "in", "middle")
    for row, column in one.get("outlined", []):
        canvas.rect(left + column * width, top + row * height, width, height, "outline")
    bottom = top + len(values) * height
    if one.get("x"):
        canvas.text(left + len(values[0]) * width / 2, bottom + 17, one["x"], "small", "middle")
        bottom += 20
    if one.get("key"):
        bottom = _scale(canvas, one, low, high, bottom)
    return canvas.svg(bottom + 3, f"{one['title']}. {_told(one)}")


def _ends(values: Sequence[Sequence[float | None]]) -> tuple[float, float]:
    """From nothing, or the lowest, to the largest."""
    numbers = [value for row in values for value in row if value is not None] or [0.0]
    return min(0.0, *numbers), max(numbers)


def _share(value: float | None, low: float, high: float) -> float:
    return 0.0 if value is None else min(1.0, max(0.0, (value - low) / ((high - low) or 1.0)))


def _cell(
    canvas: Canvas, side: Side, box: tuple[float, float, float, float], value: float | None, share: float, text: bool
) -> None:
    x, y, width, height = box
    shade = share * (DEEPEST if text else 1.0)
    canvas.rect(x, y, width, height, f"cell {side}{' tight' if width < TIGHT else ''}", fill_opacity=f"{shade:.3f}")
    if value is None:
        canvas.path([(x + 3, y + height - 3), (x + width - 3, y + 3)], "cross")


def _scale(canvas: Canvas, one: Cells, low: float, high: float, top: float) -> float:
    """Shades with what they mean, and where they end."""
    told = one.get("key", "")
    left = WIDTH - SWATCHES * 22 - 52
    canvas.text(0, top + 21, told, "small")
    canvas.text(left - 6, top + 21, f"{low:.3g}", "small", "end")
    for place in range(SWATCHES):
        _cell(canvas, one["side"], (left + 22 * place, top + 8, 22, 16), 0.0, place / (SWATCHES - 1), text=False)
    canvas.text(left + 22 * SWATCHES + 6, top + 21, f"{high:.3g}", "small")
    return top + 28


def _told(one: Cells) -> str:
    """The cells for a listener: row by row where they have texts, else their size and ends."""
    texts = one.get("texts")
    if texts:
        names = one.get("rows") or [f"row {place}" for place in range(1, len(texts) + 1)]
        return "; ".join(f"{name}: {', '.join(row)}" for name, row in zip(names, texts, strict=True))
    low, high = one.get("ends") or _ends(one["values"])
    size = f"{len(one['values'])} by {len(one['values'][0])} cells, from {low:.3g} to {high:.3g}"
    return f"{size}; {one.get('key', '')}".removesuffix("; ")
