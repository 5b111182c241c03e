"""Pictures of second derivatives and of gradients for each example."""

from typing import TYPE_CHECKING

import numpy as np

from compare.report.book.drawing.cells import Cells
from compare.report.book.drawing.figure import Picture
from compare.report.book.drawing.plot import Lines, Series
from compare.report.book.pictures.asked import both, counted, nested, numbers, roughly, told, written

if TYPE_CHECKING:
    from compare.lessons.run import LessonReport

CLIP = 5.0  # as the lesson's


def second_derivatives(report: "LessonReport") -> Picture:
    """The Hessian, and beside it its product with a vector, which came without it."""
    drawings = []
    for side, run in both(report):
        hessian = numbers(run["Hessian"])
        product = numbers(run["Hessian times v, forward over reverse"])
        v = numbers(report.entered["v"])
        table = np.column_stack([hessian, product])
        drawings.append(
            Cells(
                kind="cells",
                side=side,
                title="The Hessian, and without it H v",
                values=nested(np.abs(table)),
                texts=written(table),
                rows=[f"w{place}" for place in range(1, len(v) + 1)],
                columns=[*(f"w{place}" for place in range(1, len(v) + 1)), "H v"],
                outlined=[(place, len(v)) for place in range(len(v))],
                flat=0.7,
            )
        )
    off = float(np.abs(hessian @ v - product).max())
    vector = ", ".join(told(one) for one in v)
    return Picture(
        caption=f"The deeper the shade, the larger the number. The outlined column is H v for "
        f"v = ({vector}), by jvp of grad: one pass, no Hessian. It is what the table gives, to {roughly(off)}.",
        drawings=drawings,
    )


def per_sample(report: "LessonReport") -> Picture:
    """The norm of each example's gradient, and where it is clipped."""
    series = [
        Series(
            name="PyTorch: torch.func.vmap of grad" if side == "torch" else "JAX: jax.vmap of grad",
            side=side,
            joined=False,
            points=counted(run["norms"]),
            mark="square" if side == "torch" else "circle",
        )
        for side, run in both(report)
    ]
    norms = numbers(report.reference["norms"])
    return Picture(
        caption=f"One gradient for each of {len(norms)} examples, from one call. {int((norms > CLIP).sum())} lie above "
        f"the line at {CLIP:g} and are scaled down to it, before any mean is taken; the batch's one gradient could not "
        "tell which.",
        drawings=[
            Lines(
                kind="lines",
                side="plain",
                title="Norm of each example's gradient",
                x="example",
                y="norm",
                series=series,
                levels=[(CLIP, f"clipped at {CLIP:g}")],
                from_zero=True,
            )
        ],
    )
