"""The folder: whole or not at all, and nothing of anybody else's is replaced."""

import os

import pytest

from compare.errors import UsageError
from compare.report.book.folder import MARKER, ready, replace


def page(text):
    return lambda made: (made / "index.html").write_text(text)


def test_a_book_replaces_a_book_and_what_it_held(tmp_path):
    """A page that the new book lacks is gone, and nothing else lies around."""
    out = tmp_path / "deep" / "book"
    replace(out, lambda made: (made / "old.html").write_text("old"))
    replace(out, page("new"))
    assert sorted(path.name for path in out.iterdir()) == sorted([MARKER, "index.html"])
    assert [path.name for path in out.parent.iterdir()] == ["book"]


def test_a_build_that_fails_leaves_the_book_as_it_was(tmp_path):
    """And no half-written folder beside it."""
    replace(tmp_path / "book", page("old"))

    def fails(made):
        page("new")(made)
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        replace(tmp_path / "book", fails)
    assert (tmp_path / "book" / "index.html").read_text() == "old"
    assert [path.name for path in tmp_path.iterdir()] == ["book"]


def test_an_empty_folder_and_a_link_are_used(tmp_path):
    """A link stays one."""
    (tmp_path / "there").mkdir()
    (tmp_path / "link").symlink_to("there")
    replace(tmp_path / "link", page("new"))
    assert (tmp_path / "link").is_symlink()
    assert (tmp_path / "there" / "index.html").read_text() == "new"


def test_somebody_elses_folder_is_not_replaced(tmp_path):
    """Nor is a file, nor written into what cannot be."""
    (tmp_path / "thesis.tex").write_text("years")
    with pytest.raises(UsageError, match="no book of ours"):
        ready(tmp_path)
    with pytest.raises(UsageError, match="it is a file"):
        ready(tmp_path / "thesis.tex")
    with pytest.raises(UsageError, match="cannot be written to"):
        ready(tmp_path / "thesis.tex" / "book")
    assert (tmp_path / "thesis.tex").read_text() == "years"


@pytest.mark.skipif(not os.path.isdir("/proc"), reason="no folder here that nobody can write to")
def test_an_unwritable_place_is_one_line():
    """Said before anything runs."""
    with pytest.raises(UsageError, match="cannot be written to"):
        ready("/proc/book")
