"""Every row: it runs on both sides, the same quantities come out, and it passes the judge."""

import ast
import inspect
import json
from xml.etree import ElementTree

import pytest
from jaxtyping import AbstractArray

from compare.errors import UsageError
from compare.lessons import LESSONS, PARTS, find
from compare.lessons.row import Lesson
from compare.lessons.run import SIDES, LessonReport, function_of, run
from compare.lessons.sources import source
from compare.report.book.drawing.canvas import WIDTH, Canvas
from compare.report.book.drawing.figure import figure
from compare.report.book.pictures import picture_of
from compare.report.form import plain
from compare.verdict.verdict import Verdict

USERS_MODELS = True  # a reader's JAX is as it comes
PLACES = ("x", "y", "width", "height", "points")
LETTER = 6.0  # units that a letter takes at least, of a text of 12.5
BEGINS = {"start": 0.0, "middle": 0.5, "end": 1.0}
LINES = 25  # of a function's body, its docstring not counted


@pytest.fixture(scope="module", params=LESSONS.values(), ids=lambda one: one.name)
def ran(request, cpu) -> tuple[Lesson, LessonReport]:
    """One lesson, and what was found out about it: run once, whatever is asked of it."""
    return request.param, run(request.param, cpu)


def test_a_lesson_is_a_match(ran):
    """Every quantity that is not said to differ, and there is at least one."""
    lesson, report = ran
    wrong = [
        (one.name, one.reference, one.port, one.reason)
        for one in report.quantities
        if one.verdict not in (None, "match")
    ]
    assert (report.verdict, wrong) == (Verdict.MATCH, [])
    assert sum(one.verdict is not None for one in report.quantities) >= 2
    assert set(lesson.differs) <= {one.name for one in report.quantities}


def test_a_lesson_has_a_picture(ran):
    """Made of what came out of the run, as JSON holds it; each drawing is an SVG that is said in words, too."""
    _, report = ran
    picture = plain(picture_of(report))
    assert json.loads(json.dumps(picture, allow_nan=False)) == picture
    drawn = figure(picture)
    assert drawn
    for _, _, _, svg in drawn:
        root = ElementTree.fromstring(svg)
        assert root.get("role") == "img"
        assert len(root.get("aria-label")) > 20
        assert not {one.get(name) for one in root.iter() for name in PLACES} & {"nan", "inf", "-inf"}
        assert cut_off(svg) == []


def cut_off(svg: str) -> list[str]:
    """The texts of a drawing that reach beyond its edge."""
    found = []
    for one in ElementTree.fromstring(svg).iter("text"):
        length = LETTER * len(one.text or "")
        begin = float(one.get("x", 0)) - length * BEGINS[one.get("text-anchor", "start")]
        if begin < 0 or begin + length > WIDTH:
            found.append(one.text or "")
    return found


def test_a_text_that_is_cut_off_is_seen():
    """To the right, to the left and on both sides of its middle."""
    canvas = Canvas()
    for x, anchor in ((WIDTH - 20, "start"), (20, "end"), (WIDTH - 20, "middle"), (WIDTH / 2, "middle")):
        canvas.text(x, 20, f"a text, its {anchor}", anchor=anchor)
    assert cut_off(canvas.svg(40, "Texts")) == ["a text, its start", "a text, its end", "a text, its middle"]


@pytest.mark.parametrize("side", SIDES)
@pytest.mark.parametrize("lesson", LESSONS.values(), ids=lambda one: one.name)
def test_a_side_is_read_as_its_community_writes_it(lesson, side):
    """In a few lines: no try, no warnings caught, nothing counted, and what it returns is no table of words."""
    for name in (lesson.function, *lesson.also):
        (node,) = ast.parse(source(SIDES[side], lesson.file, name).text).body
        body = node.body[1:] if ast.get_docstring(node) else node.body
        assert sum(one.end_lineno - one.lineno + 1 for one in body) <= LINES, name
        inside = list(ast.walk(node))
        assert not any(isinstance(one, ast.Try | ast.Global | ast.Nonlocal) for one in inside), name
        assert "warnings" not in ast.unparse(node)
        returned = [one.value for one in inside if isinstance(one, ast.Return)]
        keys = [key for one in returned if isinstance(one, ast.Dict) for key in one.keys]
        assert not keys, name


@pytest.mark.parametrize("lesson", LESSONS.values(), ids=lambda one: one.name)
def test_both_sides_name_their_axes_alike(lesson):
    """The shapes in the annotations: what both sides take is the same thing."""
    shapes = [_shapes(function_of(lesson, side)) for side in SIDES]
    for name in set(shapes[0]) & set(shapes[1]):
        assert shapes[0][name] == shapes[1][name]


@pytest.mark.parametrize("lesson", LESSONS.values(), ids=lambda one: one.name)
def test_the_texts_are_sentences(lesson):
    """What a reader is told: not empty, and short enough to be read."""
    for text in (lesson.same, lesson.different, lesson.prevents, *lesson.differs.values()):
        assert 15 < len(text) < 600
    assert all(text.endswith(".") for text in (lesson.same, lesson.different, lesson.prevents))


def test_names_are_unique_and_the_ideas_are_all_there():
    """As many as the project promises, and no lesson is called like a part of a pair."""
    assert len(LESSONS) >= 19
    assert not set(LESSONS) & set(PARTS)


def test_an_unknown_lesson_suggests_the_nearest():
    with pytest.raises(UsageError, match="unknown lesson 'brodcasting': did you mean broadcasting"):
        find("brodcasting")
    few = r"unknown lesson 'zzz': expected one like \w+, \w+, \w+ .jaxport read lists them all.$"
    with pytest.raises(UsageError, match=few):
        find("zzz")


def _shapes(function) -> dict[str, str]:
    return {
        name: one.annotation.dim_str
        for name, one in inspect.signature(function).parameters.items()
        if isinstance(one.annotation, type) and issubclass(one.annotation, AbstractArray)
    }
