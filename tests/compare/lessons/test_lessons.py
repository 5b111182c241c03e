"""Every row: it runs on both sides, returns the same quantities, and passes the judge."""

import ast
import inspect

import pytest
from jaxtyping import AbstractArray

from compare.errors import UsageError
from compare.lessons import LESSONS, PARTS, find
from compare.lessons.handout import SIDES as HANDED_OUT
from compare.lessons.handout import returned
from compare.lessons.row import Lesson
from compare.lessons.run import SIDES, LessonReport, function_of, run
from compare.lessons.sources import source
from compare.verdict.verdict import Verdict

USERS_MODELS = True  # a reader's JAX is as it comes


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


@pytest.mark.parametrize("side", HANDED_OUT)
def test_all_that_is_to_be_returned_is_listed(ran, side):
    """The keys in the source of a side are those that its function returns: what a handout asks for."""
    lesson, report = ran
    (node,) = ast.parse(source(HANDED_OUT[side], lesson.file, lesson.function).text).body
    assert set(returned(node)) == {one.name for one in report.quantities if getattr(one, side)}


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
    with pytest.raises(UsageError, match="unknown lesson 'zzz': expected one of "):
        find("zzz")


def _shapes(function) -> dict[str, str]:
    return {
        name: one.annotation.dim_str
        for name, one in inspect.signature(function).parameters.items()
        if isinstance(one.annotation, type) and issubclass(one.annotation, AbstractArray)
    }
