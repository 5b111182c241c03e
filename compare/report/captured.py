"""A report captured once: as text, as one piece of HTML for a notebook, as a page of its own. Nothing is written.

In an IPython kernel a rich console sends what it prints to the notebook, whatever file it was given; every console of
this package is told not to (``force_jupyter=False``).
"""

import io
from collections.abc import Callable, Iterator
from html import escape

from rich.console import Console
from rich.terminal_theme import TerminalTheme

from compare.report.answer import answer
from compare.report.contract import PairForm, VerifyForm
from compare.report.flowing import Flowing
from compare.report.quantity_rows import QuantityRow, quantity_rows
from compare.report.terminal import WIDTH, show_verify

# What each of the terminal's colours is on a light ground, by its name in the style sheet: at least 4.5 times as
# bright or as dark as its ground, and still 3 times where a notebook is dark and drops the style sheet.
LIGHT = {"good": "#1a7f37", "bad": "#cf222e", "mind": "#8a5d00", "name": "#0969da", "dim": "#646c76"}
DARK = {"good": "#4ac26b", "bad": "#ff7b72", "mind": "#d29922", "name": "#58a6ff", "dim": "#8b949e"}
# How notebooks and the pages made of them say that they are dark: JupyterLab, Visual Studio Code, Colab, Sphinx. A
# browser's own wish is passed over: a notebook need not follow it.
DARK_NOTEBOOKS = (
    'body[data-jp-theme-light="false"]', "body.vscode-dark", 'html[theme="dark"]', 'html[data-theme="dark"]',
)  # fmt: skip
PAGE_STYLE = """
:root { color-scheme: light dark; }
body { font: 16px/1.5 system-ui, sans-serif; margin: 2rem auto; max-width: 75rem; padding: 0 1rem; }
table { border-collapse: collapse; font-size: 0.85rem; }
th, td { padding: 0.15rem 0.75rem 0.15rem 0; text-align: left; white-space: nowrap; }
.wide { overflow-x: auto; }
details { margin: 1rem 0; }
"""


def captured_text(form: VerifyForm) -> str:
    """What the terminal shows, without colours and without an end of line: the form alone decides on it."""
    out = Console(record=True, file=io.StringIO(), width=WIDTH, highlight=False, force_jupyter=False)
    show_verify(form, out)
    return "\n".join(line.rstrip() for line in out.export_text(styles=False).splitlines()).rstrip("\n")


def html_block(form: VerifyForm) -> str:
    """The same as one piece of HTML that is readable on a light and on a dark ground."""
    dark = _variables(", ".join(f"{body} .jaxport" for body in DARK_NOTEBOOKS), DARK, "color-scheme: dark;")
    return f'<div class="jaxport"><style>{_variables(".jaxport", LIGHT)}{dark}</style>{_report(form)}</div>'


def html_page(form: VerifyForm) -> str:
    """A page that needs no other file: each pair's answer, the report, every quantity, the weight map."""
    title = f"jaxport: {', '.join(pair['pair'] for pair in form['pairs'])}: {form['verdict']}"
    return whole_page(title, "\n".join([*_answers(form), _report(form), *further(form)]))


def whole_page(title: str, body: str) -> str:
    """``body`` as a page that needs no other file, on a light and on a dark ground."""
    head = f'<meta charset="utf-8"><meta name="viewport" content="width=device-width"><title>{escape(title)}</title>'
    dark = f"@media (prefers-color-scheme: dark) {{ {_variables('.jaxport', DARK)} }}"
    style = f"<style>{PAGE_STYLE}{_variables('.jaxport', LIGHT)}{dark}</style>"
    return f'<!doctype html>\n<html lang="en"><head>{head}{style}</head>\n<body class="jaxport">{body}</body></html>\n'


def _report(form: VerifyForm) -> str:
    return flowing(lambda out: show_verify(form, out))


def flowing(show: Callable[[Console], None]) -> str:
    """What ``show`` prints, as HTML whose prose the browser wraps."""
    out = Flowing(WIDTH, _theme())
    show(out)
    code = out.html()
    for name, colour in LIGHT.items():
        code = code.replace(f"color: {colour}", f"color: var(--jaxport-{name}, {colour})")
    return code


def _theme() -> TerminalTheme:
    """Rich's names of colours as those above; what is dim is half way between text and ground, whose mean is dim's."""
    plain, rgb = (0, 0, 0), {name: tuple(bytes.fromhex(colour[1:])) for name, colour in LIGHT.items()}
    colours = [plain, rgb["bad"], rgb["good"], rgb["mind"], rgb["name"], rgb["name"], rgb["name"], rgb["dim"]]
    ground = tuple(2 * part for part in rgb["dim"])
    return TerminalTheme(ground, plain, colours)  # type: ignore[arg-type]  # a triple of ints each


def _variables(selector: str, colours: dict[str, str], further: str = "") -> str:
    """A rule with the colours, and ``further``: a scrollbar is as dark as the browser thinks its ground is."""
    values = [*(f"--jaxport-{name}: {colour};" for name, colour in colours.items()), further]
    return f"{selector} {{ {' '.join(filter(None, values))} }}"


def _answers(form: VerifyForm) -> Iterator[str]:
    for pair in form["pairs"]:
        yield f"<h1>{escape(pair['pair'])}: {pair['verdict']}</h1><p>{escape(answer(pair))}</p>"


def further(form: VerifyForm) -> Iterator[str]:
    """What few will look for, folded up: every quantity, the weight map, the environment."""
    for pair in form["pairs"]:
        yield folded(f"{pair['pair']}: every quantity on every probe", _table(pair))
        lines = "\n".join(pair["weight_map"])
        yield folded(f"{pair['pair']}: the weight map", f"<pre>{escape(lines)}</pre>")
    known = "\n".join(f"{key}: {value}" for key, value in form["environment"].items())
    yield folded("what the figures depend on", f"<pre>{escape(known)}</pre>")


def folded(summary: str, inside: str) -> str:
    """``inside``, to be opened by whoever wants it."""
    return f'<details><summary>{escape(summary)}</summary><div class="wide">{inside}</div></details>'


def _table(pair: PairForm) -> str:
    heads = "".join(f"<th>{name.replace('_', ' ')}</th>" for name in QuantityRow.__dataclass_fields__)
    rows = (vars(row).values() for row in quantity_rows(pair))
    cells = ("".join(f"<td>{escape(_cell(value))}</td>" for value in row) for row in rows)
    return f"<table><tr>{heads}</tr>{''.join(f'<tr>{row}</tr>' for row in cells)}</table>"


def _cell(value: object) -> str:
    return "" if value is None else f"{value:.3g}" if isinstance(value, float) else str(value)
