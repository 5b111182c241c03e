"""Pictures of gradients as numbers: added up, split up, and of complex numbers."""

from typing import TYPE_CHECKING

import numpy as np

from compare.report.book.drawing.figure import Picture
from compare.report.book.drawing.plot import Lines, Series
from compare.report.book.pictures.asked import both, counted, numbers, points_over, single

if TYPE_CHECKING:
    from compare.lessons.run import LessonReport

ENTRIES = 60  # of a weight's gradient, which are drawn


def accumulation(report: "LessonReport") -> Picture:
    """The norms of what was applied and of the steps' own gradients; the losses."""
    norms, losses = [], []
    for side, run in both(report):
        name = "PyTorch" if side == "torch" else "JAX"
        dashed = side == "jax"
        norms += [
            Series(
                name=f"{name}: applied, never zeroed",
                side=side,
                dashed=dashed,
                points=counted(run["norm of the applied gradient"]),
            ),
            Series(
                name=f"{name}: the step's own",
                side=side,
                dashed=dashed,
                mark="cross",
                points=counted(run["norm of the own gradient"]),
            ),
        ]
        losses.append(Series(name=name, side=side, dashed=dashed, points=counted(run["losses"])))
    lowest = int(numbers(report.reference["losses"]).argmin()) + 1
    return Picture(
        caption="What is applied grows past the step's own gradient (crosses) and stays large where that one is small; "
        f"so the loss falls until step {lowest}, passes the minimum and climbs back. Both sides lie on each other: in "
        "JAX the same sum was written out.",
        drawings=[
            Lines(
                kind="lines",
                side="plain",
                title="Norm of the gradient",
                x="step",
                y="norm",
                series=norms,
                from_zero=True,
            ),
            Lines(kind="lines", side="plain", title="Loss", x="step", y="loss", series=losses, from_zero=True),
        ],
    )


def micro_batches(report: "LessonReport") -> Picture:
    """Entry by entry: how far what was added up is from the full batch's gradient."""
    drawings = []
    for side, run in both(report):
        full, parts, uneven = (
            numbers(run[name]).reshape(-1)
            for name in ("full batch", "four micro-batches", "uneven parts, equally weighted")
        )
        some = np.linspace(0, full.size - 1, ENTRIES).astype(int)
        drawings.append(
            Lines(
                kind="lines",
                side=side,
                title="Entries of W1's gradient",
                x="the full batch's entry",
                y="added up, less the full batch's",
                series=[
                    Series(
                        name="uneven parts (4, 12), counted alike",
                        side="plain",
                        mark="cross",
                        joined=False,
                        points=points_over(full[some], (uneven - full)[some]),
                    ),
                    Series(
                        name="four parts of 4 rows",
                        side=side,
                        joined=False,
                        points=points_over(full[some], (parts - full)[some]),
                    ),
                ],
                levels=[(0.0, "the full batch's gradient")],
            )
        )
    return Picture(
        caption="Each mark is one entry of a gradient. Four equal parts, each divided by four, leave nothing over: "
        "they are the full batch's gradient. Parts of unequal size that count alike (crosses) are off, some by as much "
        "as the entry itself.",
        drawings=drawings,
    )


def complex_gradient(report: "LessonReport") -> Picture:
    """One step against the gradient as it comes, in the complex plane."""
    z = np.asarray(report.entered["z"])
    drawings = []
    for side, run in both(report):
        stepped = z - 0.25 * np.asarray(run["gradient as it comes"])
        ways = [point for pair in zip(z, stepped, strict=True) for point in (_plane(pair[0]), _plane(pair[1]))]
        drawings.append(
            Lines(
                kind="lines",
                side=side,
                x="real part",
                y="imaginary part",
                title="A step of 0.25 against the gradient as it comes",
                reach=[-2.5],
                series=[
                    Series(name="a number, and where the step takes it", side=side, points=ways, arrow=True),
                    Series(
                        name="i, where the loss is lowest",
                        side="plain",
                        points=[(0.0, 1.0)],
                        mark="cross",
                        joined=False,
                    ),
                ],
            )
        )
    before, *after = (
        single(run[name])
        for run, name in (
            (report.reference, "loss"),
            (report.reference, "loss after a step against it as it comes"),
            (report.port, "loss after a step against it as it comes"),
        )
    )
    return Picture(
        caption="Both loss functions have their minimum at i. torch's gradient is dL/dx + i dL/dy, and a step against "
        "it goes there; jax.grad returns dL/dx \N{MINUS SIGN} i dL/dy, and without a conjugate the imaginary part "
        f"runs away: a step of 0.1 takes the loss from {before:.1f} to {after[0]:.1f} in torch and to "
        f"{after[1]:.1f} in JAX.",
        drawings=drawings,
    )


def _plane(z: complex) -> tuple[float, float]:
    return float(z.real), float(z.imag)
