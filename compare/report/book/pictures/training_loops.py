"""Pictures of what a training loop has beside its step."""

from typing import TYPE_CHECKING, cast

from compare.report.book.drawing.bars import Bar, Bars
from compare.report.book.drawing.canvas import NAMES, Side
from compare.report.book.drawing.figure import Picture
from compare.report.book.drawing.plot import Lines, Series
from compare.report.book.pictures.asked import both, counted, numbers, single

if TYPE_CHECKING:
    from compare.lessons.run import LessonReport

LOSSES = {
    "loss": "weighted and smoothed",
    "weighted only": "weighted only",
    "smoothed only": "smoothed only",
    "rows averaged": "a plain mean over the rows",
    "weights of rows": "a weight for each row",
}
WALKS = ("Adam, decay 0.1", "AdamW, decay 0.1", "AdamW as it comes")
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
    return Picture(
        caption=f"Epoch {best} is the best on both sides; three epochs later nothing is better, and training ends. The "
        "weights to keep are those of the cross: in torch they are copied, or they move on.",
        drawings=[
            Lines(
                kind="lines",
                side="plain",
                title="Held-out loss",
                x="epoch",
                y="loss",
                series=[*_sides(report, name), mark],
            )
        ],
    )


def adam_and_decay(report: "LessonReport") -> Picture:
    """Where thirty steps lead each entry, from where those of plain Adam do."""
    moved = {side: {name: numbers(run[name]) - numbers(run["Adam"]) for name in WALKS} for side, run in both(report)}
    reach = [float(one) for of_side in moved.values() for away in of_side.values() for one in away]
    drawings = []
    for side, of_side in moved.items():
        coupled, beside, as_it_comes = (counted(of_side[name]) for name in WALKS)
        series = [
            Series(name=WALKS[0], side=side, points=coupled),
            Series(name=WALKS[1], side="plain", points=beside, mark="cross"),
            Series(name=WALKS[2], side=side, points=as_it_comes, dashed=True),
        ]
        title, y = "Six numbers after thirty steps", "away from where plain Adam leads"
        drawings.append(
            Lines(kind="lines", side=side, title=title, x="number", y=y, series=series, reach=reach, levels=PLAIN)
        )
    ours, theirs = (numbers(run["AdamW as it comes"]) for _, run in both(report))
    apart = float(abs(ours - theirs).max())
    return Picture(
        caption="The decay in Adam's gradient and AdamW's beside it lead to different places, each the same in both "
        f"frameworks. AdamW as it comes does not: its decay is another by default, and here ends up to {apart:.2g} "
        "away.",
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
