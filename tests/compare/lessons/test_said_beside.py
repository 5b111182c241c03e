"""What a lesson says beside its lines."""

import pytest

from compare.lessons import LESSONS
from compare.lessons.said_beside import FOLDER, read, words_of
from compare.lessons.sources import both

SAID = sorted(path.stem for path in FOLDER.glob("*.md"))
PAGE = """# Why?

Because it
is so.

## `y = f(x)`

It is `f`.

## Three questions

- Is it?
  It is
  so.
- And then?
  Because.
"""


def test_a_page_has_its_parts():
    """Each paragraph on one line, backticks of a heading's code taken off."""
    words = read(PAGE)
    assert (words.question, words.text) == ("Why?", "Because it is so.")
    assert [(idea.line, idea.text) for idea in words.ideas] == [("y = f(x)", "It is `f`.")]
    assert [(ask.question, ask.answer) for ask in words.asks] == [("Is it?", "It is so."), ("And then?", "Because.")]


@pytest.mark.parametrize("text", ["Why?", "# Why?\n\nBecause.", "# Why?\n\n## y\n\nIt is."])
def test_a_page_without_its_parts_is_refused(text):
    """No heading, nothing but a heading, no questions."""
    with pytest.raises(ValueError, match="Three questions"):
        read(text)


def test_words_belong_to_lessons():
    """And a lesson without any has none."""
    assert set(SAID) <= set(LESSONS)
    assert len(SAID) >= 30
    assert words_of("no such lesson").ideas == ()


@pytest.mark.parametrize("name", SAID)
def test_every_idea_is_of_a_line_that_the_lesson_shows(name):
    """By its beginning, on either side."""
    lesson, words = LESSONS[name], words_of(name)
    sources = [one.text for shown in (lesson.function, *lesson.also) for one in both(lesson.file, shown)]
    lines = [line.strip() for text in sources for line in text.splitlines()]
    for idea in words.ideas:
        assert any(line.startswith(idea.line) for line in lines), idea.line


@pytest.mark.parametrize("name", SAID)
def test_three_questions_are_answered_by_the_page(name):
    """Word for word, in what is said beside the lines or in the row."""
    lesson, words = LESSONS[name], words_of(name)
    page = " ".join([words.text, *(idea.text for idea in words.ideas), lesson.same, lesson.different, lesson.prevents])
    assert len(words.asks) == 3
    for ask in words.asks:
        assert ask.question.endswith("?")
        assert ask.answer in page, ask.answer
