"""The benchmark's pictures show what was measured: every row, every part of its time."""

import io
from dataclasses import replace

import pytest

from compare.report.bench_pictures import break_even_figure, label, spent_figure, steps_figure
from compare.report.form import bench_form
from tests.compare.report.test_bench import BENCH, FORM
from tests.compare.report.test_bench_insides import INSIDE


def drawn(axes):
    """What is drawn in lines or marks, by its label."""
    return {line.get_label(): line for line in axes.lines if not str(line.get_label()).startswith("_")}


def test_every_row_that_was_timed_has_its_line():
    """By name, the first on top, with the floor and the copy as lines."""
    times, errors = steps_figure(FORM).axes
    timed = [row["name"] for row in FORM["rows"] if row["median"] is not None]
    assert [text.get_text() for text in times.get_yticklabels()] == timed[::-1]
    assert {"floor: products, jax", "a copy of its bytes", "PyTorch"} <= set(drawn(times))
    assert errors.get_xlabel().startswith("error of the gradient")


def test_a_step_s_parts_lie_behind_each_other():
    """In one bar for each row that was looked into, up to its time, each part with a filling of its own."""
    figure = spent_figure(INSIDE)
    (axes,) = figure.axes
    bars = list(axes.patches)
    assert [text.get_text() for text in axes.get_yticklabels()] == ["torch.compile"]
    assert [bar.get_width() for bar in bars] == pytest.approx([250.0, 125.0, 187.5, 62.5])
    assert [bar.get_x() for bar in bars] == pytest.approx([0.0, 250.0, 375.0, 562.5])
    assert len({(bar.get_facecolor(), bar.get_hatch()) for bar in bars}) == len(bars)
    (legend,) = figure.legends
    assert [text.get_text() for text in legend.get_texts()][-4:] == ["products", "other kernels", "dispatch", "gaps"]


def test_where_compiling_pays_is_marked():
    """With its number of steps, where eager's line is crossed."""
    (axes,) = break_even_figure(FORM).axes
    assert [text.get_text() for text in axes.texts] == ["1,300 steps"]
    lines = drawn(axes)
    assert set(lines) == {"torch eager", "jax.jit", "torch.compile"}
    x, y = lines["jax.jit"].get_data()
    assert y[0] == pytest.approx(0.4 + 2e-4 * x[0])


def test_without_a_floor_there_is_none_drawn():
    """A pair whose step has no products."""
    form = bench_form(replace(BENCH, floor="", floors={}))
    assert "floor" not in " ".join(drawn(steps_figure(form).axes[0]))


def test_any_name_can_be_drawn():
    """No formula, no letter that no font has, nothing that is left out or runs over the picture."""
    assert label("a $\\frac{1$ b") == "a $\\frac{1$ b"
    assert label("tab\there") == "tab?here"
    assert not label("_own").startswith("_")
    assert len(label("x" * 200)) == 42
    rows = (*BENCH.rows, replace(BENCH.rows[2], name="costs $\\frac{1$ [/mine]"))
    figure = steps_figure(bench_form(replace(BENCH, rows=rows)))
    figure.savefig(io.BytesIO(), format="svg")
