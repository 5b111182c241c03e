"""Pictures of layers that have a mode."""

from typing import TYPE_CHECKING

import numpy as np

from compare.report.book.drawing.canvas import NAMES
from compare.report.book.drawing.cells import Cells
from compare.report.book.drawing.figure import Picture
from compare.report.book.drawing.plot import Lines, Series
from compare.report.book.pictures.asked import both, counted, nested, numbers, on_the_cpu

if TYPE_CHECKING:
    from compare.lessons.run import LessonReport

ROWS = 8  # of a batch, whose dropout is drawn
UNITS = 16
CURVES = ("accuracy by epoch", "accuracy by epoch, forgotten")


def modes(report: "LessonReport") -> Picture:
    """Each feature's mean after batch norm in either mode, and a dropout mask of each side."""
    means = []
    for side, run in both(report):
        name = NAMES[side]
        for mode, mark in (("eval", None), ("training", "cross")):
            points = counted(numbers(run[f"batch norm, {mode}"]).mean(axis=0))
            one = Series(name=f"{name}, {mode}", side=side, points=points, joined=False)
            means.append(one if mark is None else {**one, "mark": "cross"})
    kept = [
        Cells(
            kind="cells",
            side=side,
            title="Dropout in training",
            values=nested(numbers(run["dropout, training, drawn"])[:ROWS] != 0),
            ends=(0.0, 1.6),
            flat=0.5,
            texts=[["2x" if one else "0" for one in row] for row in numbers(run["dropout, training, drawn"])[:ROWS]],
            x="features of the first rows; 2x: kept, doubled",
        )
        for side, run in both(report)
    ]
    return Picture(
        caption="Batch norm in training takes the batch's own mean away, so each feature's mean is 0; in eval mode it "
        "takes the running one away, and what is left shows. Dropout in training drops some numbers and doubles the "
        "others; each framework draws its own. In eval mode it does nothing.",
        drawings=[
            Lines(
                kind="lines",
                side="plain",
                title="Mean of each feature after batch norm",
                x="feature",
                y="mean over the batch",
                series=means,
                from_zero=True,
            ),
            *kept,
        ],
    )


def forgotten_eval(report: "LessonReport") -> Picture:
    """Accuracy after each epoch, with eval mode and without."""
    every = np.concatenate([numbers(run[name]) for _, run in both(report) for name in CURVES])
    reach = [float(100 * every.min()), float(100 * every.max())]
    drawings = []
    for side, run in both(report):
        curves = [
            Series(name="in eval mode", side=side, points=counted(100 * numbers(run["accuracy by epoch"]))),
            Series(
                name="eval forgotten, the same weights",
                side=side,
                dashed=True,
                mark="cross",
                points=counted(100 * numbers(run["accuracy by epoch, forgotten"])),
            ),
        ]
        drawings.append(
            Lines(
                kind="lines", side=side, title="Validation accuracy", x="epoch", y="% right", series=curves, reach=reach
            )
        )
    swing, forgotten = (
        100 * float(numbers(report.reference[name]))
        for name in ("swing of the last six epochs", "swing of the last six epochs, forgotten")
    )
    return Picture(
        caption="One training run of each side, validated twice after each epoch. In training mode dropout goes on and "
        f"batch norm follows each small batch: the accuracy is lower and swings, in torch by {forgotten:.1f} points "
        f"over the last six epochs instead of {swing:.1f}.",
        drawings=drawings,
    )


def object_and_function(report: "LessonReport") -> Picture:
    """Which units eight steps use, drawn anew and seeded anew, by the lesson's own functions."""
    import jax
    import jax.numpy as jnp
    import torch

    import jaxport.layers
    import torchref.layers

    ones = np.ones((1, UNITS), np.float32)
    with on_the_cpu():
        torch.manual_seed(0)
        reference = [made[:, 0].numpy() for made in torchref.layers.eight_steps(torch.tensor(ones), 0)]
        port = [np.asarray(made[:, 0]) for made in jaxport.layers.eight_steps(jnp.array(ones), jax.random.key(0))]
    drawings = []
    for side, source, (moving, stuck) in (("torch", "seed", reference), ("jax", "key", port)):
        for what, used in (("New draws", moving), (f"One {source} again and again", stuck)):
            never = int((used == 0).all(axis=0).sum())
            drawings.append(
                Cells(
                    kind="cells",
                    side="torch" if side == "torch" else "jax",
                    title=f"{what}: {never} of {UNITS} units never used",
                    values=nested(used != 0),
                    rows=[f"step {place}" for place in range(1, 9)],
                    x="units",
                    ends=(0.0, 1.0),
                    flat=0.8,
                )
            )
    return Picture(
        caption="Filled: the unit is used in this step. With a new draw at each step every unit trains sooner or "
        "later; with one seed set again, or one key used again, a column is filled or empty for good.",
        drawings=drawings,
    )
