"""Sources to read: found by name on both sides, whole, and as they stand in the file."""

import ast
from pathlib import Path

import pytest

from compare.errors import UsageError
from compare.lessons import LESSONS, sources, summary

ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize("lesson", LESSONS)
def test_both_sources_are_there_and_whole(lesson):
    """The same name on both sides; the text is the file's own, from its decorator to its last line."""
    name = LESSONS[lesson][1]
    for side, source in zip(("torchref", "jaxport"), sources(lesson), strict=True):
        assert source.path.startswith(side)
        lines = (ROOT / source.path).read_text().splitlines()
        shown = source.text.splitlines()
        assert lines[source.line - 1 : source.line - 1 + len(shown)] == shown
        (node,) = ast.parse(source.text).body
        assert getattr(node, "name", None) == name


def test_decorators_are_part_of_a_source():
    """The port's step is jitted: that is what the reader came for."""
    assert sources("train")[1].text.startswith("@partial(jax.jit")


@pytest.mark.parametrize("lesson", LESSONS)
def test_every_lesson_has_a_line(lesson):
    """What the list of lessons shows."""
    assert 20 < len(summary(lesson)) < 120


def test_an_unknown_lesson_is_one_clear_line():
    """With the names there are."""
    with pytest.raises(UsageError, match="unknown lesson 'cnn': expected one of mlp, loose"):
        sources("cnn")
