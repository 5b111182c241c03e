"""The training programs' curves over each other: where each point of them stands in a drawing."""

from collections.abc import Sequence
from dataclasses import dataclass

from compare.measure.programs import Curve
from compare.report.contract import Form

WIDTH, HEIGHT = 400, 230
LEFT, RIGHT, TOP, BOTTOM = 52, 16, 14, 40  # what the axes take
DASHES = {"PyTorch": "", "Linen": "", "NNX": "6 4"}  # two lines of one side are told apart without colour, too
TICK = 5  # per cent


@dataclass(frozen=True)
class Drawn:
    """A line: its points "x,y x,y ...", and each one's place."""

    name: str
    side: str
    dashes: str
    points: str
    places: list[tuple[float, float]]


def drawing(curves: Sequence[Curve]) -> Form:
    """The share of test images that each program has right after each epoch: lines, ticks, and the numbers to read."""
    lowest = TICK * int(100 * min(share for curve in curves for share in curve.shares) // TICK)
    epochs = len(curves[0].shares)

    def x(epoch: int) -> float:
        return round(LEFT + (WIDTH - LEFT - RIGHT) * (epoch - 1) / max(1, epochs - 1), 1)

    def y(per_cent: float) -> float:
        return round(TOP + (HEIGHT - TOP - BOTTOM) * (100 - per_cent) / (100 - lowest), 1)

    lines = []
    for curve in curves:
        places = [(x(epoch), y(100 * share)) for epoch, share in enumerate(curve.shares, 1)]
        points = " ".join(f"{left},{top}" for left, top in places)
        lines.append(Drawn(curve.name, curve.side, DASHES[curve.name], points, places))
    return {
        "size": (WIDTH, HEIGHT),
        "frame": (LEFT, WIDTH - RIGHT, TOP, HEIGHT - BOTTOM),
        "lines": lines,
        "columns": [(x(epoch), epoch) for epoch in range(1, epochs + 1)],
        "rows": [(y(tick), tick) for tick in range(lowest, 101, TICK)],
        "table": [
            (curve.name, [f"{100 * share:.1f}" for share in curve.shares], f"{curve.losses[-1]:.3f}")
            for curve in curves
        ],
    }
