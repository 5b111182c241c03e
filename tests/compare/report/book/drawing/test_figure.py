"""A page's picture: every kind of drawing, and the page that shows it."""

from typing import get_args

from compare.report.book.drawing.figure import KINDS, Drawing, figure

from ..conftest import lesson
from .svg import elements, points
from .test_bars import bars
from .test_plot import SIDES, lines

BARS = bars.Bars(
    kind="bars", title="Bytes", side="plain", bars=[bars.Bar(group="kept", side="torch", value=1.0, told="1 B")]
)


def test_every_kind_has_what_draws_it():
    """By the word that its data has."""
    kinds = [get_args(kind.__annotations__["kind"])[0] for kind in get_args(Drawing)]
    assert kinds == list(KINDS)


def test_a_page_shows_its_lesson_s_picture(write):
    """Both drawings, each with its side's name, and the caption; a lesson without one has no figure."""
    picture = {"caption": "See ``.grad`` grow.", "drawings": [lines(SIDES), BARS | {"side": "jax"}]}
    read = write(lesson("one", picture=picture), lesson("two"))
    page = read("one.html")
    assert page.count('role="img"') == 2
    assert "See <code>.grad</code> grow." in page
    assert "<b>JAX</b> Bytes</p>" in page
    assert 'class="shown"' not in read("two.html")
    assert [one[:3] for one in figure(picture)] == [("plain", "", "A loss"), ("jax", "JAX", "Bytes")]


def test_frames_of_plots_stand_on_one_level():
    """Whatever their keys need."""
    longer = [*SIDES, {**SIDES[0], "name": "a third"}]
    frames = [
        elements(svg, "polyline", "axis")[-1]
        for *_, svg in figure({"caption": "", "drawings": [lines(SIDES), BARS, lines(longer)]})
        if elements(svg, "polyline", "axis")
    ]
    assert len(frames) == 2
    assert points(frames[0]) == points(frames[1])
