"""Lines and points between two axes."""

from collections.abc import Callable, Sequence
from math import ceil, floor, log10
from typing import Literal, NotRequired, TypedDict

from markupsafe import Markup

from compare.report.book.drawing.canvas import WIDTH, Canvas, Point, Side, broken, wide

LEFT, RIGHT, BOTTOM, HEIGHT = 50.0, 12.0, 42.0, 180.0  # HEIGHT: of the frame
KEY = 19.0  # the height of a row of the key
DASHES, DOTS = "6 4", "2 3"
MARKS: dict[Side, str] = {"torch": "square", "jax": "circle", "plain": "none"}


class Series(TypedDict):
    """A line through its points. PyTorch's have squares, JAX's circles, unless ``mark`` says another.

    ``joined`` false: points alone; ``arrow``: an arrow from each point to the next but one, in pairs.
    """

    name: str
    side: Side
    points: list[Point]
    dashed: NotRequired[bool]
    mark: NotRequired[Literal["square", "circle", "cross", "none"]]
    joined: NotRequired[bool]
    arrow: NotRequired[bool]


class Lines(TypedDict):
    """A plot. ``levels``: heights to compare with, each with its name; ``from_zero``: the axis begins there;
    ``reach``: heights to have on the axis, so that two plots share it; ``room``: for the key, where a plot beside it
    has a longer one."""

    kind: Literal["lines"]
    title: str
    side: Side
    x: str
    y: str
    series: list[Series]
    log_x: NotRequired[bool]
    log_y: NotRequired[bool]
    from_zero: NotRequired[bool]
    levels: NotRequired[list[tuple[float, str]]]
    reach: NotRequired[list[float]]
    room: NotRequired[float]


Axis = tuple[Callable[[float], float], list[float]]  # where a value stands, and the ticks


def draw(one: Lines) -> Markup:
    """The plot: its key, its frame, its lines.

    Raises:
        ValueError: an axis with logarithms has a number that is not above zero.
    """
    canvas = Canvas()
    levels = one.get("levels", [])
    top = max(_key(canvas, one["series"], [name for _, name in levels]), one.get("room", 0.0))
    points = [point for series in one["series"] for point in series["points"]]
    heights = [y for _, y in points] + [height for height, _ in levels] + one.get("reach", [])
    heights += [0.0] if one.get("from_zero") else []
    places = [x for x, _ in points]
    x, across = _logs(places, LEFT, WIDTH - RIGHT) if one.get("log_x") else _within(places, LEFT, WIDTH - RIGHT)
    y, up = _logs(heights, top + HEIGHT, top) if one.get("log_y") else _enclosed(heights, top + HEIGHT, top)
    for tick in up:
        canvas.path([(LEFT, y(tick)), (WIDTH - RIGHT, y(tick))], "grid")
        canvas.text(LEFT - 7, y(tick) + 4, shortly(tick), "small", "end")
    for tick in across:
        canvas.path([(x(tick), top + HEIGHT), (x(tick), top + HEIGHT + 4)], "axis")
        middle = min(x(tick), WIDTH - wide(shortly(tick)) / 2)
        canvas.text(middle, top + HEIGHT + 18, shortly(tick), "small", "middle")
    canvas.path([(LEFT, top), (LEFT, top + HEIGHT), (WIDTH - RIGHT, top + HEIGHT)], "axis")
    canvas.text((LEFT + WIDTH - RIGHT) / 2, top + HEIGHT + 36, one["x"], "small", "middle")
    canvas.text(0, top - 9, one["y"], "small")
    for height, _ in levels:
        canvas.path([(LEFT, y(height)), (WIDTH - RIGHT, y(height))], "level", DOTS)
    for series in one["series"]:
        _series(canvas, series, [(x(place), y(height)) for place, height in series["points"]])
    told = "; ".join(f"{series['name']}: {_told(series['points'])}" for series in one["series"])
    return canvas.svg(top + HEIGHT + BOTTOM, f"{one['title']}. {one['y']} by {one['x']}. {told}")


def key_room(one: Lines) -> float:
    """Where the frame begins below the key."""
    return _key(Canvas(), one["series"], [name for _, name in one.get("levels", [])])


def ticks(low: float, high: float, most: int) -> list[float]:
    """Round numbers that enclose both, at most ``most`` + 1 of them."""
    span = (high - low) or abs(high) or 1.0
    rough = span / (most - 1)
    unit = 10.0 ** floor(log10(rough))
    step = next(factor * unit for factor in (1, 2, 5, 10) if factor * unit >= rough * 0.999)
    first, last = floor(low / step + 1e-9), ceil(high / step - 1e-9)
    return [round(place * step, 12) for place in range(first, max(last, first + 1) + 1)]


def shortly(value: float) -> str:
    """A tick's number: very small and very large ones as powers of ten."""
    if value and not 1e-3 <= abs(value) < 1e4:
        power = floor(log10(abs(value)) + 1e-9)
        digits = str(power).translate(str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹"))
        front = f"{value / 10.0**power:.3g}"
        return f"10{digits}" if front == "1" else f"{front}·10{digits}".replace("-", "\N{MINUS SIGN}")
    return f"{value:,.6g}".replace("-", "\N{MINUS SIGN}")


def _within(values: Sequence[float], begin: float, end: float) -> Axis:
    """An axis as long as what stands on it, with a little room at both ends."""
    low, high = min(values), max(values)
    room = 0.03 * (high - low or 1.0)
    low, high = low - room, high + room
    shown = [tick for tick in ticks(low, high, 6) if low <= tick <= high]
    return (lambda value: begin + (end - begin) * (value - low) / (high - low)), shown


def _enclosed(values: Sequence[float], begin: float, end: float) -> Axis:
    """An axis from one tick to another."""
    shown = ticks(min(values), max(values), 6)
    low, high = shown[0], shown[-1]
    return (lambda value: begin + (end - begin) * (value - low) / (high - low)), shown


def _logs(values: Sequence[float], begin: float, end: float) -> Axis:
    """An axis of powers of ten."""
    if min(values) <= 0:
        raise ValueError(f"expected numbers above zero on an axis with logarithms, got {min(values)}")
    first, last = floor(log10(min(values)) + 1e-9), ceil(log10(max(values)) - 1e-9)
    last = max(last, first + 1)
    shown = [10.0**power for power in range(first, last + 1, ceil((last - first) / 6))]
    return (lambda value: begin + (end - begin) * (log10(value) - first) / (last - first)), shown


def _key(canvas: Canvas, series: Sequence[Series], levels: Sequence[str]) -> float:
    """A sample and a name for each line, and where the frame may begin below them."""
    top = 8.0
    for one in series:
        if not one["name"]:
            continue
        _series(canvas, one, [(4.0, top), (30.0, top)], sample=True)
        for line in broken(one["name"], WIDTH - 42):
            canvas.text(40, top + 4.5, line)
            top += KEY
    for name in levels:
        canvas.path([(4.0, top), (30.0, top)], "level", DOTS)
        canvas.text(40, top + 4.5, name)
        top += KEY
    return top + 20


def _series(canvas: Canvas, one: Series, places: list[Point], *, sample: bool = False) -> None:
    kind, dashes = f"line {one['side']}", DASHES if one.get("dashed") else ""
    mark = one.get("mark", MARKS[one["side"]])
    if one.get("arrow"):
        for begin, end in zip(places[::2], places[1::2], strict=True):
            canvas.arrow(begin, end, kind, dashes)
        places = places[::2]
    elif one.get("joined", True):
        canvas.path(places, kind, dashes)
    if sample:
        ((left, height), *_) = places
        places = [(left if one.get("arrow") else left + 13, height)]
    for x, y in places:
        canvas.dot(x, y, mark, one["side"])


def _told(points: Sequence[Point]) -> str:
    """Points for a listener: all of a few, else the ends and how many there are."""
    said = [f"{y:.3g} at {x:.3g}" for x, y in points]
    return ", ".join(said) if len(said) <= 6 else f"{said[0]}, to {said[-1]}, {len(said)} points"
