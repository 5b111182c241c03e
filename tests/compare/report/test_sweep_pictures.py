"""The pictures of a sweep show every size, every crossing, and the error beside every speed."""

import json
from pathlib import Path

import numpy as np
import pytest

from compare.report.sweep import on_axis
from compare.report.sweep_pictures import crossovers, size_figure
from tests.compare.report.test_bench_pictures import drawn
from tests.compare.report.test_sweep import SWEEP


def test_a_size_s_lines_have_a_point_for_each_size():
    """In microseconds, with the floor drawn in."""
    axes, errors = size_figure(SWEEP, "batch").axes
    lines = drawn(axes)
    assert list(lines["torch eager"].get_xdata()) == [8, 32, 64, 512]
    assert list(lines["its products alone"].get_ydata()) == pytest.approx([100.0] * 4)
    assert axes.get_title() == "width 128, depth 2"
    assert not errors.lines  # nobody knows them here


def test_beside_every_speed_stands_the_error_of_its_gradient():
    """Of the committed sweep: the very rows that are drawn, where they are known; a size without ratios has none."""
    sweep = json.loads((Path(__file__).parents[3] / "results" / "cpu" / "sweep.json").read_text())
    _, errors = size_figure(sweep, "depth").axes
    eager = [
        next(row["gradient_error"] for row in one["bench"]["rows"] if row["name"] == "torch eager")
        for one in on_axis(sweep, "depth")
    ]
    drawn_errors = list(errors.lines[0].get_ydata())
    known = [at for at, error in enumerate(drawn_errors) if not np.isnan(error)]
    assert len(known) > 2
    assert [drawn_errors[at] for at in known] == [eager[at] for at in known]


def test_a_crossing_lies_between_two_sizes():
    """On logarithmic axes: 1 to 4 and 4 to 1 meet in the middle, at 2; nothing crosses where one is missing."""
    assert crossovers([1, 100], [1.0, 4.0], [4.0, 1.0]) == [(pytest.approx(10.0), pytest.approx(2.0))]
    assert crossovers([1, 100], [1.0, 4.0], [2.0, 8.0]) == []
    assert crossovers([1, 100], [1.0, None], [2.0, 0.5]) == []
