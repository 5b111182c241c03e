"""What happens when: spans on tracks, from left to right."""

from typing import Literal, NotRequired, TypedDict

from markupsafe import Markup

from compare.report.book.drawing.canvas import WIDTH, Canvas, Side

HEAD, HIGH, APART, CLOSE = 20.0, 28.0, 10.0, 3.0


class Span(TypedDict):
    """From one time to another. ``filled`` ones are work, others are not."""

    begin: float
    end: float
    text: str
    filled: NotRequired[bool]
    dashed: NotRequired[bool]


class Track(TypedDict):
    """Spans in one row, under a name; without one it belongs to the track above it."""

    name: str
    spans: list[Span]


class Timeline(TypedDict):
    """Tracks below each other, on one axis of time from 0."""

    kind: Literal["timeline"]
    title: str
    side: Side
    tracks: list[Track]


def draw(one: Timeline) -> Markup:
    """The tracks.

    Raises:
        ValueError: a span ends before it begins.
    """
    canvas, top = Canvas(), 0.0
    spans = [span for track in one["tracks"] for span in track["spans"]]
    if late := [span for span in spans if span["end"] <= span["begin"]]:
        raise ValueError(f"expected a span to end after it begins, got {late[0]}")
    unit = (WIDTH - 4) / max(span["end"] for span in spans)
    for track in one["tracks"]:
        canvas.text(0, top + 14, track["name"])
        top += HEAD if track["name"] else CLOSE - APART
        for span in track["spans"]:
            x, width = 2 + span["begin"] * unit, (span["end"] - span["begin"]) * unit
            kind = f"span {one['side'] if span.get('filled') else ''}{' dashed' if span.get('dashed') else ''}"
            canvas.rect(x, top, width - 2, HIGH, kind.strip(), rounded=3)
            canvas.text(x + width / 2 - 1, top + 18.5, span["text"], "in", "middle")
        top += HIGH + APART
    rows = [(track["name"], ", ".join(span["text"] for span in track["spans"])) for track in one["tracks"]]
    told = "; ".join(f"{name}: {texts}" if name else texts for name, texts in rows)
    return canvas.svg(top - APART + 4, f"{one['title']}. {told}")
