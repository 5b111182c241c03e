"""Every row: it runs on both sides, returns the same quantities, and passes the judge."""

import inspect

import pytest
from jaxtyping import AbstractArray

from compare.errors import UsageError
from compare.lessons import LESSONS, PARTS, find
from compare.lessons.run import SIDES, function_of, run
from compare.verdict.verdict import Verdict

USERS_MODELS = True  # a reader's JAX is as it comes


@pytest.mark.parametrize("lesson", LESSONS.values(), ids=lambda one: one.name)
def test_a_lesson_is_a_match(lesson, cpu):
    """Every quantity that is not said to differ, and there is at least one."""
    report = run(lesson, cpu)
    wrong = [
        (one.name, one.reference, one.port, one.reason)
        for one in report.quantities
        if one.verdict not in (None, "match")
    ]
    assert (report.verdict, wrong) == (Verdict.MATCH, [])
    assert sum(one.verdict is not None for one in report.quantities) >= 2
    assert set(lesson.differs) <= {one.name for one in report.quantities}


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
