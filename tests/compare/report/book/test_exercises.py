"""The exercises' page: tasks and commands, no answers."""

from compare import lessons
from compare.report.book.exercises import EXERCISES

from .conftest import lesson


def test_every_exercise_is_made_from_a_lesson():
    """Which both commands name."""
    assert {one.lesson for one in EXERCISES} <= set(lessons.LESSONS)
    assert len({one.lesson for one in EXERCISES}) == len(EXERCISES) == 4


def test_the_page_has_both_commands_and_no_source(write):
    """The lesson's page is linked where the book has it."""
    page = write(lesson("shapes"))("exercises.html")
    for one in EXERCISES:
        assert f"jaxport new --lesson {one.lesson} {one.lesson}.py" in page
        assert f"jaxport verify {one.lesson}.py" in page
    assert "<pre>" not in page
    assert 'read <a href="shapes.html">' in page
    assert 'read <a href="by_hand.html">' not in page


def test_every_other_lesson_is_an_exercise_with_its_own_questions(write):
    """Whose answers are on its page alone."""
    page = write(lesson("shapes"), lesson("one"))("exercises.html")
    assert "jaxport new --lesson one one.py" in page
    assert "Write the side that is missing." in page
    assert page.count("How much?") == 1
    assert "Just one." not in page


def test_a_lesson_leads_to_its_exercise_and_on(write):
    """To the place that has its task, with both commands, and to the pages that the site has of those it names."""
    read = write(lesson("views"), lesson("shapes"))
    page = read("views.html")
    assert 'href="exercises.html#exercise-views"' in page
    assert 'id="exercise-views"' in read("exercises.html")
    assert "jaxport new --lesson views views.py" in page
    assert 'See also <a href="shapes.html">Title of shapes</a>.</p>' in page
