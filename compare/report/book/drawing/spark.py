"""A line as small as a cell of a table: how far apart two runs are, by step, in powers of ten."""

from collections.abc import Sequence

from markupsafe import Markup

from compare.report.book.drawing.canvas import Canvas, Point

WIDE, HIGH, EDGE = 150.0, 44.0, 3.0
LOWEST, HIGHEST = -16.0, 0.0  # powers of ten


def draw(powers: Sequence[float], equal: float, text: str) -> Markup:
    """The line in its frame, with a dotted one at the height from which two runs are no longer equal.

    Args:
        powers: of ten, by step; what is below 1e-16 stands there.
        equal: likewise.
        text: what stands in its place where there are no pictures.
    """
    canvas = Canvas()
    canvas.rect(EDGE, EDGE, WIDE - 2 * EDGE, HIGH - 2 * EDGE, "frame")
    canvas.path([(EDGE, _height(equal)), (WIDE - EDGE, _height(equal))], "grid", "2 3")
    across = (WIDE - 2 * EDGE) / max(1, len(powers) - 1)
    line: list[Point] = [(EDGE + across * step, _height(power)) for step, power in enumerate(powers)]
    canvas.path(line, "line plain")
    told = f"{text} from 1e{max(LOWEST, powers[0]):.0f} at step 1 to 1e{max(LOWEST, powers[-1]):.0f} at step"
    return canvas.svg(HIGH, f"{told} {len(powers)}", WIDE)


def _height(power: float) -> float:
    share = (min(max(power, LOWEST), HIGHEST) - LOWEST) / (HIGHEST - LOWEST)
    return HIGH - EDGE - share * (HIGH - 2 * EDGE)
