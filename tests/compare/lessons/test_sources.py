"""Sources to read: found by name on both sides, whole, and as they stand in the file."""

import ast
from pathlib import Path

import pytest

from compare.errors import UsageError
from compare.lessons import LESSONS, PARTS
from compare.lessons.sources import both, source, summary

ROOT = Path(__file__).parents[3]
SHOWN = [*PARTS.values(), *((one.file, name) for one in LESSONS.values() for name in (one.function, *one.also))]


@pytest.mark.parametrize(("file", "name"), SHOWN)
def test_both_sources_are_there_and_whole(file, name):
    """The same name on both sides; the text is the file's own, from its decorator to its last line."""
    for side, found in zip(("torchref", "jaxport"), both(file, name), strict=True):
        assert found.path.startswith(side)
        lines = (ROOT / found.path).read_text().splitlines()
        shown = found.text.splitlines()
        assert lines[found.line - 1 : found.line - 1 + len(shown)] == shown
        (node,) = ast.parse(found.text).body
        assert getattr(node, "name", None) == name


def test_decorators_are_part_of_a_source():
    """The reference is evaluated without a tape: that is what the reader came for."""
    assert both(*PARTS["evaluate"])[0].text.startswith("@torch.no_grad()")


@pytest.mark.parametrize(("file", "name"), SHOWN)
def test_everything_shown_says_what_it_is_in_a_line(file, name):
    """What lists show."""
    assert 20 <= len(summary(both(file, name)[0].text)) < 120


def test_a_name_that_is_not_there_is_one_clear_line():
    with pytest.raises(UsageError, match=r"torchref/tensors.py has no nothing"):
        source("torchref", "tensors", "nothing")
