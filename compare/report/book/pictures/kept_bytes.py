"""Pictures of the bytes that wait for a backward pass, and of what is done to need fewer."""

from typing import TYPE_CHECKING, cast

from compare.report.book.drawing.bars import Bar, Bars
from compare.report.book.drawing.figure import Picture
from compare.report.book.drawing.timeline import Span, Timeline, Track
from compare.report.book.pictures.asked import both, single

if TYPE_CHECKING:
    from compare.lessons.run import LessonReport

TIMES = {1: "once", 2: "twice"}


def no_grad(report: "LessonReport") -> Picture:
    """Bytes kept by each side's forward pass."""
    groups = {"gradient asked for": "bytes kept", "no gradient asked for": "bytes kept without a gradient"}
    return Picture(
        caption="The bytes that one forward pass leaves behind for a backward pass, beyond the weights and the batch. "
        "torch keeps them unless no_grad() says not to; JAX keeps them only where a gradient is asked for.",
        drawings=[Bars(kind="bars", side="plain", title="Bytes kept by a forward pass", bars=_bytes(report, groups))],
    )


def checkpointing(report: "LessonReport") -> Picture:
    """Bytes with and without checkpoints, and when each block runs."""
    groups = {"all activations kept": "bytes kept", "a checkpoint at each block": "bytes kept with checkpoints"}
    once, twice = cast("tuple[int, int]", report.reference["runs of each block"])
    count = len(report.entered["up"])
    tracks = [
        Track(name=name, spans=spans)
        for text, runs in (("All kept", once), ("Checkpoints", twice))
        for name, spans in _passes(f"{text}: each block runs {TIMES.get(runs, runs)}", count, again=runs > 1)
    ]
    return Picture(
        caption=f"{count} blocks. With checkpoints each keeps its input alone, and runs a second time (dashed) "
        "just before its backward pass, the lower row. The gradient is the same, in either framework.",
        drawings=[
            Bars(kind="bars", side="plain", title="Bytes kept by the forward pass", bars=_bytes(report, groups)),
            Timeline(kind="timeline", side="plain", title="The order of work, from left to right", tracks=tracks),
        ],
    )


def _bytes(report: "LessonReport", groups: dict[str, str]) -> list[Bar]:
    return [
        Bar(group=text, side=side, value=single(run[name]), told=f"{single(run[name]):,.0f} bytes")
        for text, name in groups.items()
        for side, run in both(report)
    ]


def _passes(name: str, count: int, *, again: bool) -> list[tuple[str, list[Span]]]:
    """Forward through all blocks, and backward through them below, each run anew before if ``again``."""
    forward = [Span(begin=place, end=place + 1, text=f"{place + 1}", filled=True) for place in range(count)]
    backward, time = [], float(count)
    for place in reversed(range(count)):
        if again:
            forward.append(Span(begin=time, end=time + 1, text=f"{place + 1}", filled=True, dashed=True))
            time += 1
        backward.append(Span(begin=time, end=time + 1, text=f"{place + 1}"))
        time += 1
    return [(name, forward), ("", backward)]
