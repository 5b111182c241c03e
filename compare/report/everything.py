"""All that was measured here on one page: a section for each command, from the forms that the terminal shows too.

A section is one row; what a command did not write has none.
"""

import base64
import io
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from html import escape
from typing import TYPE_CHECKING, Any

from rich.console import Console

from compare.report.bench import DIFFERENT, show_bench
from compare.report.bench_insides import show_insides, with_time_spent
from compare.report.bench_pictures import break_even_figure, spent_figure, steps_figure
from compare.report.capability_table import show_capabilities
from compare.report.captured import flowing, folded, further, whole_page
from compare.report.contract import Form
from compare.report.contrast import show_contrast
from compare.report.contrast_pictures import facing_picture
from compare.report.contrast_timeline import timeline_picture
from compare.report.picture import training_figure
from compare.report.pieces import COLOUR
from compare.report.sweep import AXES, on_axis, show_sweep
from compare.report.sweep_pictures import size_figure
from compare.report.terminal import show_environment, show_training, show_verify

if TYPE_CHECKING:
    from matplotlib.figure import Figure

Picture = tuple[str, "Figure | str"]  # what it shows, in words for whoever does not see it; drawn, or SVG
PICTURE = (
    '<figure{kind}><img alt="{alt}" src="data:image/svg+xml;base64,{data}"><figcaption>{alt}</figcaption></figure>'
)
STYLE = """<style>
nav li { display: inline; margin-right: 1.5rem; } nav ul { list-style: none; padding: 0; }
figure { margin: 1rem 0; max-width: 56rem; } figure img { width: 100%; background: white; }
@media screen { figure { overflow-x: auto; } figure img { min-width: 40rem; } }
figure.narrow { max-width: 30rem; } figure.narrow img { min-width: 0; }
figcaption { font-size: 0.85rem; } section { margin: 3rem 0; }
@media print { [style*="overflow-x"] { white-space: pre-wrap !important; font-size: 6.5pt; } }
@media print { nav { display: none; } section { break-before: page; } figure { break-inside: avoid; } }
</style>"""


@dataclass(frozen=True)
class Section:
    """One command's part: its heading, what the terminal shows, pictures, and what is folded up."""

    heading: str
    command: str
    show: Callable[[Any, Console], None]
    pictures: Callable[[Form], Iterator[Picture]] = lambda form: iter(())
    folded: Callable[[Any], Iterator[str]] = lambda form: iter(())


def everything(forms: Mapping[str, Any]) -> str:
    """The page.

    Args:
        forms: of the commands that have run, by the names of ``SECTIONS``.
    """
    found = [(name, section, forms[name]) for name, section in SECTIONS.items() if name in forms]
    links = "".join(f'<li><a href="#{name}">{escape(section.heading)}</a></li>' for name, section, _ in found)
    parts = [f"{STYLE}<h1>{escape(_title(forms))}</h1><nav><ul>{links}</ul></nav>"]
    parts += [_section(name, section, form) for name, section, form in found]
    return whole_page(_title(forms), "\n".join(parts))


def verdict(forms: Mapping[str, Any]) -> str:
    """The worst word of all that were judged: pairs, training, and the rows of the benchmark; empty where none was."""
    words = [forms[name]["verdict"] for name in ("verify", "train") if name in forms]
    benches = [forms["bench"]] if "bench" in forms else []
    benches += [one["bench"] for one in forms["sweep"]["sizes"]] if "sweep" in forms else []
    words += [row["verdict"] for bench in benches for row in bench["rows"] if row["verdict"] in DIFFERENT]
    return max(words, key=list(COLOUR).index, default="")


def _section(name: str, section: Section, form: Form) -> str:
    pictures = "".join(
        PICTURE.format(
            kind=' class="narrow"' if isinstance(figure, str) else "",  # drawn as wide as a phone
            alt=escape(alt, quote=True),
            data=_svg(figure),
        )
        for alt, figure in section.pictures(form)
    )
    head = f"<h2>{escape(section.heading)}</h2><p><code>{escape(section.command)}</code></p>"
    shown = flowing(lambda out: section.show(form, out))
    machine = folded("where this was measured", flowing(lambda out: show_environment(form["environment"], out)))
    return f'<section id="{name}">{head}{pictures}{shown}{"".join(section.folded(form))}{machine}</section>'


def _svg(figure: "Figure | str") -> str:
    """The picture in base 64; the same figure gives the same bytes."""
    if isinstance(figure, str):
        return base64.b64encode(figure.encode()).decode()
    import matplotlib

    buffer = io.BytesIO()
    with matplotlib.rc_context({"svg.hashsalt": "jaxport"}):
        figure.savefig(buffer, format="svg", metadata={"Date": None})
    return base64.b64encode(buffer.getvalue()).decode()


def _title(forms: Mapping[str, Any]) -> str:
    pairs = [pair["pair"] for pair in forms["verify"]["pairs"]] if "verify" in forms else []
    return ": ".join(filter(None, ("jaxport", ", ".join(pairs) or "what was measured here", verdict(forms))))


def _training(form: Form) -> Iterator[Picture]:
    yield (
        "Both loss curves over each other, the differences of the losses, and the distances of the parameters",
        (training_figure(form)),
    )


def _contrast(form: Form) -> Iterator[Picture]:
    yield (
        "The tape on the left, the equations of the loss on the right; on one level what makes the same numbers",
        facing_picture(form),
    )
    yield (
        "The backward pass: the tape as the engine runs it on the left, the equations of the gradient on the right",
        facing_picture(form, "gradient"),
    )
    yield "Bytes alive through forward and backward pass, beside parameters and inputs", timeline_picture(form)


def _show_contrast(form: Form, out: Console) -> None:
    show_contrast(form, out)
    show_capabilities(form, out)


def _bench(form: Form) -> Iterator[Picture]:
    if not any(row["median"] is not None for row in form["rows"]):
        return
    yield (
        "Time for a training step of each row, beside its own matrix products alone; right: its gradient's error",
        (steps_figure(form)),
    )
    if with_time_spent(form):
        yield (
            "Where a step's time goes: products, other kernels, the host that prepares calls, gaps",
            spent_figure(form),
        )
    if not form["unpublished"]:
        yield "Seconds for so many steps, compiling included; a mark where compiling has paid", break_even_figure(form)


def _show_bench(form: Form, out: Console) -> None:
    show_bench(form, out)
    show_insides(form, out)


def _sweep(form: Form) -> Iterator[Picture]:
    for axis in AXES:
        if len(on_axis(form, axis)) > 1:
            yield (
                f"Time for a training step by {axis}, its products alone, a cross where lines cross; below: the errors",
                (size_figure(form, axis)),
            )


SECTIONS: Mapping[str, Section] = {
    "verify": Section("Is the port the same function?", "jaxport verify", show_verify, folded=further),
    "train": Section("Do both train the same way?", "jaxport train", show_training, _training),
    "contrast": Section("What does each way keep?", "jaxport contrast", _show_contrast, _contrast),
    "bench": Section("What does XLA bring?", "jaxport bench --every", _show_bench, _bench),
    "sweep": Section("What does XLA bring at other sizes?", "jaxport bench --sweep sweep.json", show_sweep, _sweep),
}
