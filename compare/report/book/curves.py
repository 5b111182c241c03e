"""The training programs' curves over each other, and their numbers for who wants to read them."""

from collections.abc import Sequence

from compare.measure.programs import Curve
from compare.report.book.drawing.canvas import Side
from compare.report.book.drawing.figure import Picture, figure
from compare.report.book.drawing.plot import Lines, Series
from compare.report.contract import Form

SIDES: dict[str, Side] = {"PyTorch": "torch", "Linen": "jax", "NNX": "jax"}
DASHED = {"NNX"}  # two lines of one side are told apart without colour, too


def shown(curves: Sequence[Curve]) -> Form:
    """The share of test images that each program has right after each epoch: a figure, and the table below it."""
    picture = Picture(
        caption="The share of 1,000 test images that each program has right, drawn when this book was built. Each "
        "draws its own first weights and its own order of the images, so no two curves are equal. On identical weights "
        "and batches they are: `jaxport train` judges every step.",
        drawings=[
            Lines(
                kind="lines",
                title="Right after each epoch",
                side="plain",
                x="epoch",
                y="% right",
                series=[_series(curve) for curve in curves],
            )
        ],
    )
    return {
        "figure": figure(picture),
        "caption": picture["caption"],
        "epochs": range(1, len(curves[0].shares) + 1),
        "table": [
            (curve.name, [f"{100 * share:.1f}" for share in curve.shares], f"{curve.losses[-1]:.3f}")
            for curve in curves
        ],
    }


def _series(curve: Curve) -> Series:
    return Series(
        name=curve.name,
        side=SIDES[curve.name],
        points=[(float(epoch), 100 * share) for epoch, share in enumerate(curve.shares, 1)],
        dashed=curve.name in DASHED,
    )
