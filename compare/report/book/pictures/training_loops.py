"""Pictures of what a training loop has beside its step."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, cast

import numpy as np

from compare.report.book.drawing.bars import Bar, Bars
from compare.report.book.drawing.canvas import NAMES, Side
from compare.report.book.drawing.cells import Cells
from compare.report.book.drawing.figure import Picture
from compare.report.book.drawing.plot import Lines, Series
from compare.report.book.pictures.asked import both, counted, nested, numbers, points_over, single, written

if TYPE_CHECKING:
    from compare.lessons.run import LessonReport

LOSSES = {
    "loss": "weighted and smoothed",
    "weighted only": "weighted only",
    "smoothed only": "smoothed only",
    "rows averaged": "a plain mean over the rows",
    "weights of rows": "a weight for each row",
}
DECAYS = {"Adam, decay 0.1": "A decay in Adam's gradient", "AdamW, decay 0.1": "A decay beside the step: AdamW"}
STARTS = 61
SOME = 5  # weights that are drawn
PLAIN = [(0.0, "plain Adam")]
RATES = {
    "a step": "A step",
    "warm-up and cosine": "Warm-up and cosine",
    "a cosine past its end": "A cosine past its end",
}


def class_weights(report: "LessonReport") -> Picture:
    """The loss, each part of it alone, and the two mistakes."""
    bars = [
        Bar(group=text, side=side, value=single(run[name]), told=f"{single(run[name]):.3f}")
        for name, text in LOSSES.items()
        for side, run in both(report)
        if name in run
    ]
    return Picture(
        caption="One batch, and its loss in five ways. Both frameworks agree where they do the same; a plain mean over "
        "the weighted rows, and a weight for each row by its label, are other losses.",
        drawings=[Bars(kind="bars", side="plain", title="Cross-entropy of one batch", bars=bars)],
    )


def mixed_precision(report: "LessonReport") -> Picture:
    """How wide each thing is, and the losses of the steps."""
    dtypes = {side: cast("dict[str, str]", run["dtypes"]) for side, run in both(report)}
    bars = [
        Bar(group=name, side=side, value=float("".join(filter(str.isdigit, told[name]))), told=told[name])
        for name in dtypes["torch"]
        for side, told in dtypes.items()
        if name in told
    ]
    return Picture(
        caption="Only what lies between the layers is narrow: weights, gradients, moments and the loss are float32 on "
        "both sides, and the losses of eight steps lie on each other.",
        drawings=[
            Bars(kind="bars", side="plain", title="How wide each number is", bars=bars),
            Lines(kind="lines", side="plain", title="Loss", x="step", y="loss", series=_sides(report, "losses")),
        ],
    )


def loss_scaling(report: "LessonReport") -> Picture:
    """The scale after each step, and the steps that were skipped."""
    name = "scale, power of two"
    series = _sides(report, name, bare=True)
    for side, run in both(report):
        moved, scales = cast("list[bool]", run["steps that moved"]), counted(run[name])
        skipped = [point for point, sound in zip(scales, moved, strict=True) if not sound]
        series.append(Series(name=f"{NAMES[side]}: a skipped step", side=side, points=skipped, joined=False))
    return Picture(
        caption="The scale is halved after each step whose gradients overflow float16, which is skipped (marked), and "
        "doubled after three sound ones. Both sides skip the same steps.",
        drawings=[
            Lines(kind="lines", side="plain", title="The loss's scale", x="step", y="power of two", series=series)
        ],
    )


def early_stopping(report: "LessonReport") -> Picture:
    """The held-out loss, and the epoch to keep."""
    name = "held-out loss by epoch"
    best = int(single(report.reference["best epoch"]))
    lowest = float(numbers(report.reference[name])[best - 1])
    mark = Series(name="the best epoch", side="plain", points=[(float(best), lowest)], joined=False, mark="cross")
    lines = Lines(
        kind="lines", side="plain", title="Held-out loss", x="epoch", y="loss", series=[*_sides(report, name), mark]
    )
    return Picture(
        caption=f"Epoch {best} is the best on both sides; three epochs later nothing is better, and training ends. Of "
        "its weights torch has what was copied: what was only kept (shaded) has become the last epoch's. In JAX both "
        "are what they were.",
        drawings=[lines, *(_kept(side, run) for side, run in both(report))],
    )


def _kept(side: Side, run: Mapping[str, object]) -> Cells:
    """A few weights of the best epoch, as they were copied and as they were only kept, and the last epoch's."""
    rows = {
        "best, copied" if side == "torch" else "best": "weights of the best",
        "best, kept": "weights that were kept without a copy",
        "the last": "weights at the end",
    }
    weights = np.stack([numbers(run[name]).reshape(-1)[:SOME] for name in rows.values()])
    return Cells(
        kind="cells",
        side=side,
        title="Weights of the best epoch",
        rows=list(rows),
        values=nested(weights != weights[0]),
        ends=(0.0, 1.6),
        texts=written(weights),
        x="shaded: not the best epoch's",
    )


def adam_and_decay(report: "LessonReport") -> Picture:
    """How far a decay leads away from plain Adam, by where a number starts: the run's numbers, on the way that the
    lesson's own function takes from many starts."""
    import torch

    from torchref.features import adam_and_decay as lesson

    w = numbers(report.entered["w"])
    starts = np.linspace(w.min(), w.max(), STARTS)
    plain, *others = (one.numpy() for one in lesson(torch.tensor(starts)))
    ways = [points_over(starts, one - plain) for one in others]
    drawings = []
    for (name, title), way in zip(DECAYS.items(), ways, strict=True):
        marks = [
            Series(
                name=f"{NAMES[side]}, this run",
                side=side,
                joined=False,
                points=points_over(w, numbers(run[name]) - numbers(run["Adam"])),
            )
            for side, run in both(report)
        ]
        drawings.append(
            Lines(
                kind="lines",
                side="plain",
                title=title,
                x="where a number starts",
                y="away from plain Adam, after 30 steps",
                series=[Series(name="from many starts", side="plain", points=way), *marks],
                levels=PLAIN,
                reach=[y for one in ways for _, y in one],
            )
        )
    ours, theirs = (numbers(run["AdamW as it comes"]) for _, run in both(report))
    apart = float(abs(ours - theirs).max())
    return Picture(
        caption="The loss is lowest at 1. In Adam's gradient the decay hardly shows where the gradient is large, and "
        "shows most near the minimum; beside the step it takes the same share off every number, each time. Either is "
        "the same in both frameworks. AdamW as it comes is not: its decay is another by default, here up to "
        f"{apart:.2g} apart.",
        drawings=drawings,
    )


def schedules(report: "LessonReport") -> Picture:
    """The learning rate of each step."""
    drawings = []
    for name, title in RATES.items():
        series = _sides(report, f"rates, {name}", bare=True)
        drawings.append(
            Lines(kind="lines", side="plain", title=title, x="step", y="rate", series=series, from_zero=True)
        )
    own = counted(report.port["rates, optax's cosine past its end"])
    drawings[-1]["series"].append(Series(name="optax's own cosine", side="jax", points=own, joined=False, mark="cross"))
    return Picture(
        caption="Both sides take the same rates, step by step. A cosine that is followed past its end rises again in "
        "torch; optax's own (crosses) stays at its end.",
        drawings=drawings,
    )


def _sides(report: "LessonReport", name: str, *, bare: bool = False) -> list[Series]:
    """A line of each side over 1, 2, 3, ..., JAX's dashed; ``bare``: without marks."""
    made: list[Series] = []
    sides: tuple[Side, ...] = ("torch", "jax")
    for side, run in zip(sides, (report.reference, report.port), strict=True):
        one = Series(name=NAMES[side], side=side, points=counted(run[name]), dashed=side == "jax")
        made.append({**one, "mark": "none"} if bare else one)
    return made
