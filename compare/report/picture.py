"""The picture of a training run: both loss curves over each other, and their distances below."""

from math import inf, nan
from pathlib import Path
from textwrap import wrap
from typing import TYPE_CHECKING

from compare.checkpoints.atomic import write
from compare.errors import printable
from compare.report.contract import Form

if TYPE_CHECKING:
    from matplotlib.figure import Figure

LINE = 90  # letters of the title in a line
REFERENCE, PORT, GREY, BLACK = "#d1495b", "#00798c", "#8d99ae", "#222222"


def training_picture(form: Form, path: Path) -> None:
    """Draw the training run in ``form`` (of ``train_form``) to the PNG file ``path``."""
    figure = training_figure(form)
    write(path, lambda beside: figure.savefig(beside, dpi=110, metadata={"Software": None}))


def training_figure(form: Form) -> "Figure":
    """The training run in ``form``, drawn."""
    from matplotlib.figure import Figure  # no pyplot: it would look for a screen

    steps = form["steps"]
    x = [step["step"] for step in steps]
    figure = Figure(figsize=(9, 8), layout="constrained")
    losses, gaps, drifts = figure.subplots(3, 1, sharex=True, height_ratios=(3, 2, 3))
    title = f"The same training run in PyTorch and in JAX: {form['data']}, {form['device']}"
    figure.suptitle("\n".join(wrap(printable(title), LINE)), parse_math=False)  # a path may hold dollar signs

    losses.plot(x, _positive(steps, "loss_reference"), color=REFERENCE, linewidth=3, alpha=0.5, label="reference")
    losses.plot(x, _positive(steps, "loss_port"), color=PORT, linewidth=0.9, label="port")
    losses.set(yscale="log", ylabel="loss (nats)")
    losses.legend(loc="upper right")

    difference = [abs(float(step["loss_port"]) - float(step["loss_reference"])) for step in steps]
    gaps.plot(x, _gaps(difference), ".", markersize=2.5, color=PORT, label="float32")
    gaps.plot(x, _gaps([step["loss_gap_64"] for step in steps]), ".", markersize=2.5, color=GREY, label="float64")
    gaps.set(yscale="log", ylabel="|difference of the losses|")
    gaps.legend(loc="center right")

    drifts.plot(x, _positive(steps, "envelope"), color=GREY, linewidth=3, alpha=0.6, label="reordering alone, float32")
    drifts.plot(x, _positive(steps, "drift_32"), color=PORT, linewidth=1, label="port against reference, float32")
    drifts.plot(x, _positive(steps, "drift_64"), color=REFERENCE, linewidth=1, label="port against reference, float64")
    drifts.plot(
        x, _positive(steps, "departure"), color=BLACK, linewidth=0.8, label="reference, float32 against float64"
    )
    drifts.set(yscale="log", xlabel="step", ylabel="distance of the parameters\n(relative)")
    for key, colour in (("first_flip", PORT), ("first_departure", BLACK)):
        if flip := form[key]:
            drifts.axvline(flip["step"], color=colour, linewidth=0.7, linestyle=":")
            drifts.annotate(
                f" gate, step {flip['step']}", (flip["step"], drifts.get_ylim()[0]), color=colour, fontsize=8
            )
    drifts.legend(loc="center right", fontsize=8)
    return figure


def _positive(steps: list[Form], key: str) -> list[float]:
    return _gaps([step[key] for step in steps])


def _gaps(values: list[float]) -> list[float]:
    """Zero and non-finite values, which the form holds as words, as gaps: a logarithmic axis has no place for them."""
    return [value if isinstance(value, float) and 0 < value < inf else nan for value in values]
