"""Pictures of a sweep: a step's time from size to size, with its floor, crossings, and the error of its gradient."""

from math import exp, isnan, log, nan
from typing import TYPE_CHECKING

from compare.measure.bench.question import EAGER
from compare.report.bench_pictures import FLOOR, SIDES, figure_of, plain_number, whole_decades
from compare.report.contract import Form
from compare.report.sweep import fastest_row, named, on_axis

if TYPE_CHECKING:
    from matplotlib.figure import Figure

LABELS = {
    "eager": (EAGER, "torch", "-"),
    "compiled": ("PyTorch's compiler", "torch", "--"),
    "captured": ("CUDA graph", "torch", ":"),
    "xla": ("JAX, a step a call", "jax", "-"),
    "several": ("JAX, several steps a call", "jax", "--"),
}


def size_figure(form: Form, axis: str) -> "Figure":
    """A step's time along one axis with its floor drawn in, a mark where lines cross; below it the error of the
    gradient of the very rows that are drawn."""
    along = on_axis(form, axis)
    figure, (axes, errors) = figure_of(5.6, rows=2)
    x = [int(one[axis]) for one in along]
    lines = {}
    for kind, (label, side, style) in LABELS.items():
        colour, marker, _ = SIDES[side]
        rows = [fastest_row(one["bench"], kind) for one in along]
        lines[kind] = [None if row is None else float(row["median"]) for row in rows]
        if any(rows):
            values = [nan if value is None else 1e6 * value for value in lines[kind]]
            axes.plot(x, values, style, marker=marker, markersize=4, color=colour, label=label)
        own = [_error(row) for row in rows]
        if not all(map(isnan, own)):
            errors.plot(x, own, style, marker=marker, markersize=4, color=colour)
    floors = [one["bench"]["floors"].get(one["bench"]["floor"]) for one in along]
    if all(floors):
        axes.plot(x, [1e6 * one["median"] for one in floors], color=FLOOR, linewidth=1, label="its products alone")
    for other in ("eager", "compiled"):
        for at, time in crossovers(x, lines[other], lines["xla"]):
            axes.plot(at, 1e6 * time, "x", color=FLOOR, markersize=9, markeredgewidth=2)
    axes.set(xscale="log", yscale="log", ylabel="microseconds a step", title=_fixed(along, axis))
    axes.yaxis.set_major_formatter(plain_number)
    errors.set(xlabel=axis, ylabel="error of the\ngradient")
    if errors.lines:
        errors.set_yscale("log")
        whole_decades(errors.get_ylim, errors.set_ylim)
    errors.set_xticks(x, [str(value) for value in x])
    errors.minorticks_off()
    axes.minorticks_off()
    axes.legend(fontsize=8)
    return figure


def crossovers(x: list[int], one: list[float | None], other: list[float | None]) -> list[tuple[float, float]]:
    """Where two lines cross on logarithmic axes: (x, time)."""
    found = []
    for left in range(len(x) - 1):
        values = (one[left], one[left + 1], other[left], other[left + 1])
        if any(value is None for value in values):
            continue
        a, b, c, d = (log(value) for value in values if value is not None)
        before, after = a - c, b - d
        if before * after < 0:
            share = before / (before - after)
            at = log(x[left]) + share * (log(x[left + 1]) - log(x[left]))
            found.append((exp(at), exp(a + share * (b - a))))
    return found


def _error(row: Form | None) -> float:
    """Of the row's gradient; what is not known, or is none, has no place on a logarithmic axis."""
    error = None if row is None else row["gradient_error"]
    return error if isinstance(error, float) and error > 0 else nan


def _fixed(along: list[Form], axis: str) -> str:
    return named({**along[0], axis: None})
