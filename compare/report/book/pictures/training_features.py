"""Pictures of what a training loop has beside its five beats."""

from collections.abc import Mapping
from typing import TYPE_CHECKING

from compare.report.book.drawing.bars import Bar, Bars
from compare.report.book.drawing.canvas import Side
from compare.report.book.drawing.figure import Picture
from compare.report.book.drawing.plot import Lines, Series
from compare.report.book.pictures.asked import both, counted, numbers, single, told

if TYPE_CHECKING:
    from compare.lessons.run import LessonReport

NAMES: Mapping[Side, str] = {"torch": "PyTorch", "jax": "JAX"}


def class_weights(report: "LessonReport") -> Picture:
    """The loss beside what other divisors and a weight for each row make of the same rows."""
    kinds = {
        "over the labels' weights": "loss",
        "averaged over rows": "rows averaged",
        "weights of rows": "weights of rows",
    }
    bars = [
        Bar(group=group, side=side, value=single(run[name]), told=told(single(run[name])))
        for group, name in kinds.items()
        for side, run in both(report)
        if name in run
    ]
    return Picture(
        caption="One batch, three losses: what both sides mean by weights of classes, the plain mean of the same rows, "
        "and the mistake, a weight for each row by its label.",
        drawings=[Bars(kind="bars", title="Loss of one batch", side="plain", bars=bars)],
    )


def mixed_precision(report: "LessonReport") -> Picture:
    """The losses of eight steps."""
    return Picture(
        caption="The loss falls alike on both sides, though each rounds its activations to bfloat16 at its own places.",
        drawings=[_lines("Loss", "step", "loss", report, "losses")],
    )


def loss_scaling(report: "LessonReport") -> Picture:
    """The scale after each step, and which steps were skipped."""
    series = []
    for side, run in both(report):
        scales, moved = counted(run["scale, power of two"]), numbers(run["steps that moved"])
        dashed = side == "jax"
        series.append(Series(name=NAMES[side], side=side, dashed=dashed, mark="none", points=scales))
        skipped = [point for point, went in zip(scales, moved, strict=True) if not went]
        series.append(Series(name=f"{NAMES[side]}: skipped", side=side, mark="cross", joined=False, points=skipped))
    count = int((numbers(report.reference["steps that moved"]) == 0).sum())
    return Picture(
        caption=f"The scale is halved by each step that overflows and is skipped (crosses, {count} here), and doubled "
        "after three sound ones. Both sides skip the same steps.",
        drawings=[
            Lines(kind="lines", side="plain", title="Scale of the loss", x="step", y="power of two", series=series)
        ],
    )


def early_stopping(report: "LessonReport") -> Picture:
    """The held-out loss by epoch, and the lowest."""
    best = int(single(report.reference["best epoch"]))
    lowest = float(numbers(report.reference["held-out loss by epoch"]).min())
    plot = _lines("Held-out loss", "epoch", "loss", report, "held-out loss by epoch")
    return Picture(
        caption=f"The held-out loss is lowest after epoch {best}; three epochs later training ends on both sides, and "
        "the weights to keep are those of the lowest point, not of the last.",
        drawings=[{**plot, "levels": [(lowest, "the lowest")]}],
    )


def adam_and_decay(report: "LessonReport") -> Picture:
    """Where thirty steps lead, weight by weight."""
    drawings = []
    for side, run in both(report):
        marks = {
            "Adam": "none",
            "Adam, decay 0.1": "cross",
            "AdamW, decay 0.1": "square" if side == "torch" else "circle",
        }
        series = [
            Series(name=name, side=side, mark=mark, dashed=name == "Adam", points=counted(run[name]))  # type: ignore[typeddict-item]  # one of the marks
            for name, mark in marks.items()
        ]
        drawings.append(
            Lines(kind="lines", side=side, title=NAMES[side], x="weight", y="after 30 steps", series=series)
        )
    return Picture(
        caption="Six weights after thirty steps: without a decay, with it in the gradient, and beside the step. "
        "The three differ from each other, and each is the same on both sides.",
        drawings=drawings,
    )


def schedules(report: "LessonReport") -> Picture:
    """The rates of thirty steps by three schedules, and optax's own cosine."""
    kinds = {"a step": "rates, a step", "warm-up, then a cosine": "rates, warm-up and cosine"}
    drawings = [_lines(title, "step", "rate", report, name) for title, name in kinds.items()]
    past = _lines("a cosine past its end", "step", "rate", report, "rates, a cosine past its end")
    own = counted(report.port["rates, optax's cosine past its end"])
    past["series"].append(Series(name="optax's own cosine", side="plain", dashed=True, points=own))
    return Picture(
        caption="The rate of each step. Past its end torch's cosine rises again, and so does its twin; optax's "
        "own stays where it ended.",
        drawings=[*drawings, past],
    )


def _lines(title: str, x: str, y: str, report: "LessonReport", name: str) -> Lines:
    """A quantity of both sides over 1, 2, 3, ..."""
    series = [
        Series(name=NAMES[side], side=side, dashed=side == "jax", points=counted(run[name]))
        for side, run in both(report)
    ]
    return Lines(kind="lines", side="plain", title=title, x=x, y=y, series=series, from_zero=True)
