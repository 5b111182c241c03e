"""The picture that a link to the site shows: the training step, as its two communities write it."""

import ast
import io
from functools import cache
from textwrap import dedent

PREVIEW = "preview.png"
WIDTH, HEIGHT = 1200, 630  # pixels, as link previews are cut
TORCH, JAX, INK, SOFT, PAPER = "#b0431c", "#3f57b5", "#1c1f24", "#595f69", "#fcfcfb"
LINES = 8  # of a source, that are large enough to be read there
SIDES = ((0.04, 41, "PyTorch", TORCH), (0.43, 58, "JAX", JAX))  # where each begins, and its letters in a line


@cache
def preview(reference: str, port: str) -> bytes:
    """A PNG of both sources beside each other."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(WIDTH / 100, HEIGHT / 100), dpi=100, facecolor=PAPER)
    figure.text(0.04, 0.9, "PyTorch and JAX, side by side", color=INK, fontsize=30, fontweight="bold", va="center")
    figure.text(0.04, 0.815, "each idea written twice, run on identical arrays, and judged", color=SOFT, fontsize=17,
                va="center")  # fmt: skip
    for (left, columns, name, colour), text in zip(SIDES, (reference, port), strict=True):
        figure.text(left, 0.72, name, color=colour, fontsize=17, fontweight="bold", va="center")
        figure.text(
            left, 0.675, _body(text, columns), color=INK, fontsize=13, family="monospace", va="top", linespacing=2.5
        )
    out = io.BytesIO()
    figure.savefig(out, format="png", metadata={"Software": None})
    return out.getvalue()


def _body(text: str, columns: int) -> str:
    """What a function does, line by line: without its head, what it says of itself and comments, cut to what fits."""
    (function,) = ast.parse(dedent(text)).body
    assert isinstance(function, ast.FunctionDef)
    body = function.body[1:] if ast.get_docstring(function) is not None else function.body
    lines = [line for statement in body for line in ast.unparse(statement).splitlines()]
    return "\n".join(line if len(line) <= columns else f"{line[: columns - 3]}..." for line in lines[:LINES])
