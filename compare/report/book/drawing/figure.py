"""A page's picture: drawings beside each other, and a sentence that says what to see."""

from collections.abc import Callable, Sequence
from typing import Any, TypedDict

from markupsafe import Markup

from compare.report.book.drawing import bars, cells, graph, plot, strips, timeline
from compare.report.book.drawing.canvas import NAMES

Drawing = plot.Lines | bars.Bars | cells.Cells | strips.Strips | graph.Graph | timeline.Timeline
KINDS: dict[str, Callable[[Any], Markup]] = {
    "lines": plot.draw,
    "bars": bars.draw,
    "cells": cells.draw,
    "strips": strips.draw,
    "graph": graph.draw,
    "timeline": timeline.draw,
}


class Picture(TypedDict):
    """Drawings from the quantities of a run, and the caption below them."""

    caption: str
    drawings: Sequence[Drawing]


def figure(picture: Picture) -> list[tuple[str, str, str, Markup]]:
    """For each drawing its side, that side's name, its title, and its SVG. The frames of plots stand on one level."""
    room = max((plot.key_room(one) for one in picture["drawings"] if one["kind"] == "lines"), default=0.0)
    return [_titled({**one, "room": room} if one["kind"] == "lines" else one) for one in picture["drawings"]]


def _titled(one: Drawing) -> tuple[str, str, str, Markup]:
    return one["side"], NAMES[one["side"]], one["title"], KINDS[one["kind"]](one)
