"""The contrast on a terminal: every array with its bytes, what costs nothing in brackets."""

import io

import pytest
from rich.console import Console

from compare.measure.contrast.contrast import contrast
from compare.pair.pairs import find
from compare.report.contrast import show_contrast, summary
from compare.report.form import contrast_form


@pytest.fixture(scope="module")
def form(cpu):
    """The small case's."""
    return contrast_form(contrast(find("loose"), cpu), {})


@pytest.mark.parametrize("width", [80, 130])
def test_every_node_and_residual_is_shown(form, width):
    """Side by side or stacked."""
    out = Console(file=io.StringIO(), width=width)
    show_contrast(form, out)
    text = out.file.getvalue()
    for node in form["tape"]:
        assert node["name"].split()[0] in text
    assert "float32[16,20]" in text
    assert "(1,280)" in text
    assert f"{len(form['residuals'])} residuals of jax.vjp" in text
    assert f"{len(form['backward'])} equations" in text


def test_the_summary_says_both_sizes(form):
    """What the main job prints."""
    tape, residuals = summary(form)
    assert f"{form['tape_bytes'] / 1024:.1f} KiB" in tape
    assert f"{form['residual_bytes'] / 1024:.1f} KiB" in residuals
