"""The table of pictures. Each is drawn from its lesson's run in tests/compare/lessons/test_lessons.py."""

from compare.lessons import LESSONS
from compare.lessons.run import LessonReport
from compare.report.book.pictures import PICTURES, picture_of


def test_every_lesson_has_a_picture():
    """And every picture a lesson: a function of the lesson's name, unless the lesson's is a keyword."""
    assert list(PICTURES) == list(LESSONS)
    assert {name: draw.__name__ for name, draw in PICTURES.items()} == {name: name for name in PICTURES}


def test_what_has_not_run_has_no_picture():
    """A lesson that raised, or one that nobody drew."""
    assert picture_of(LessonReport("tape", "cpu", ())) is None
    assert picture_of(LessonReport("nowhere", "cpu", (), {}, {"a": 1}, {"a": 1})) is None
