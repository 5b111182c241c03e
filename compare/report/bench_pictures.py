"""Pictures of the benchmark: a step's time beside its floor and its error, when compiling pays, where the time goes.
Told apart by shape and line as well as by colour."""

from math import ceil, floor, log10
from typing import TYPE_CHECKING

from compare.errors import printable
from compare.measure.bench.question import EAGER
from compare.report.bench import rough
from compare.report.bench_insides import PARTS, row_name, with_time_spent
from compare.report.contract import Form

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

# Okabe and Ito's colours, which the colour-blind tell apart, and grey.
SIDES = {"torch": ("#d55e00", "o", "PyTorch"), "jax": ("#0072b2", "s", "JAX"), "numpy": ("#777777", "D", "NumPy")}
FLOOR = "#000000"
# Of a step's time: from dark to light, which grey keeps, and each with a hatching of its own.
FILLED = {
    "products": ("#0072b2", ""),
    "others": ("#56b4e9", "//"),
    "dispatch": ("#f0e442", ".."),
    "gaps": ("#ffffff", ""),
}
LONGEST = 42  # letters of a name beside a picture
WIDTH = 9.0  # inches
STEPS = (1, 1_000_000)  # between which compiling may pay


def steps_figure(form: Form) -> "Figure":
    """Each row's time for a step with its quartiles and floors, and beside it the error of its own gradient: what was
    bought with precision shows."""
    rows = [row for row in form["rows"] if row["median"] is not None][::-1]
    figure, (times, errors) = figure_of(1.4 + 0.27 * len(rows), columns=2)
    for place, row in enumerate(rows):
        colour, marker, _ = _side(row)
        wall, processor = row["wall"], row["processor"]
        times.plot([1e6 * wall["lower"], 1e6 * wall["upper"]], [place, place], color=colour, linewidth=4, alpha=0.35)
        times.plot(1e6 * processor["median"], place, marker, color=colour, markerfacecolor="white", markersize=6)
        times.plot(1e6 * wall["median"], place, marker, color=colour, markersize=5)
        if isinstance(row["gradient_error"], float) and row["gradient_error"] > 0:
            errors.plot(row["gradient_error"], place, marker, color=colour, markersize=5)
    times.set_yticks(range(len(rows)), [label(row_name(row)) for row in rows], fontsize=8, parse_math=False)
    for style, (name, seconds) in zip(("-", ":"), _floors(form), strict=False):
        times.axvline(1e6 * seconds, color=FLOOR, linestyle=style, linewidth=1, label=name)
    times.set(xscale="log", xlabel="microseconds a step\n(filled: wall time, open: processor time)")
    times.xaxis.set_major_formatter(plain_number)
    errors.set(xscale="log", xlabel="error of the gradient,\nrelative, against float64")
    whole_decades(errors.get_xlim, errors.set_xlim)
    errors.minorticks_off()
    for side, (colour, marker, name) in SIDES.items():
        if any(row["side"] == side for row in rows):
            times.plot([], [], marker, color=colour, label=name)
    figure.legend(*times.get_legend_handles_labels(), loc="outside upper center", ncols=5, fontsize=8)
    return figure


def spent_figure(form: Form) -> "Figure":
    """Each row's step in the parts that its time goes to, one behind the other."""
    rows = with_time_spent(form)[::-1]
    figure, (axes,) = figure_of(1.4 + 0.27 * len(rows))
    for place, row in enumerate(rows):
        begin = 0.0
        for part, (colour, hatch) in FILLED.items():
            length = 1e6 * row["median"] * row["spent"][part]
            axes.barh(
                place, length, left=begin, height=0.7, facecolor=colour, hatch=hatch, edgecolor=FLOOR, linewidth=0.6,
                label="" if place else PARTS[part],
            )  # fmt: skip
            begin += length
    for name, seconds in _floors(form)[:1]:
        axes.axvline(1e6 * seconds, color=FLOOR, linestyle=":", linewidth=1.2, label=name)
    axes.set_yticks(range(len(rows)), [label(row_name(row)) for row in rows], fontsize=8, parse_math=False)
    axes.set(xlabel="microseconds a step", xlim=(0, None))
    axes.xaxis.set_major_formatter(plain_number)
    figure.legend(*axes.get_legend_handles_labels(), loc="outside upper center", ncols=len(PARTS) + 1, fontsize=8)
    return figure


def break_even_figure(form: Form) -> "Figure":
    """Compiling and so many steps, of each side's fastest and slowest compiled row: where a line crosses eager's,
    it has paid for itself."""
    figure, (axes,) = figure_of(4.2)
    eager = next(row["median"] for row in form["rows"] if row["name"] == EAGER)
    counts = [10 ** (0.1 * power) for power in range(61)]
    axes.plot(counts, [eager * count for count in counts], color=SIDES["torch"][0], linewidth=2.5, label=EAGER)
    for row, style in _extremes(form):
        colour, marker, _ = _side(row)
        axes.plot(
            counts, [row["compile"] + row["median"] * count for count in counts], style, color=colour, linewidth=1.3,
            label=label(row["name"]),
        )  # fmt: skip
        pays = row["break_even"]
        if isinstance(pays, float) and STEPS[0] < pays < STEPS[1]:
            axes.plot(pays, eager * pays, marker, color=colour, markersize=6)
            axes.annotate(
                f"{rough(pays):,} steps", (pays, eager * pays), (6, -12), textcoords="offset points", fontsize=8
            )
    axes.set(xscale="log", yscale="log", xlim=STEPS, xlabel="training steps", ylabel="seconds, compiling included")
    axes.xaxis.set_major_formatter(plain_number)
    for text in axes.legend(fontsize=8, loc="upper left").get_texts():
        text.set_parse_math(False)
    return figure


def _extremes(form: Form) -> "Iterator[tuple[Form, str]]":
    """Of each side the fastest and the slowest row that was compiled and makes one step a call, with a line's style."""
    for side in SIDES:
        rows = [row for row in form["rows"] if row["side"] == side and row["break_even"] is not None]
        rows.sort(key=lambda row: float(row["median"]))
        yield from zip(rows[:1] + rows[1:][-1:], ("--", ":"), strict=False)


def figure_of(height: float, columns: int = 1, rows: int = 1) -> "tuple[Figure, list[Axes]]":
    """A figure with that many panels beside each other, which share their lines, or below each other, which share their
    places; the first is the largest."""
    from matplotlib.figure import Figure  # no pyplot: it would look for a screen

    figure = Figure(figsize=(WIDTH, height), layout="constrained")
    grid = figure.subplots(
        rows, columns, squeeze=False, sharex=rows > 1, sharey=columns > 1, width_ratios=(3, 1)[:columns],
        height_ratios=(3, 1)[:rows],
    )  # fmt: skip
    panels = list(grid.flat)
    for axes in panels:
        axes.grid(visible=True, which="major", color="#dddddd", linewidth=0.6)
        axes.set_axisbelow(True)
    return figure, panels


def whole_decades(get: "Callable[[], tuple[float, float]]", put: "Callable[[float, float], object]") -> None:
    """Widen an axis of errors: rounding alone is no difference."""
    low, high = get()
    put(10 ** floor(log10(low)), 10 ** ceil(log10(high)))


def label(text: str) -> str:
    """A name that fits beside a picture, of letters that every font has; matplotlib leaves out what begins with _."""
    shown = printable(text).replace("_", "\N{ZERO WIDTH SPACE}_", 1)
    return shown if len(shown) <= LONGEST else f"{shown[: LONGEST - 1]}\N{HORIZONTAL ELLIPSIS}"


def _side(row: Form) -> tuple[str, str, str]:
    """Colour, marker and name of the side whose row it is."""
    return SIDES.get(row["side"], SIDES["numpy"])


def plain_number(value: float, place: float) -> str:
    """A number on an axis as people write it."""
    return f"{value:,.0f}" if value >= 1 else f"{value:g}"


def _floors(form: Form) -> list[tuple[str, float]]:
    floors = [(f"floor: {form['floor']}", form["floors"][form["floor"]]["median"])] if form["floor"] else []
    if "copy" in form["floors"]:
        floors.append(("a copy of its bytes", form["floors"]["copy"]["median"]))
    return floors
