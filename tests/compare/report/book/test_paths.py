"""Three readers' ways through the site."""

from compare import lessons
from compare.report.book.documents import DOCUMENTS
from compare.report.book.page import Page
from compare.report.book.paths import PATHS, paths


def test_every_place_on_a_path_is_a_page():
    """A lesson, a page of the documentation, or one of the book's own."""
    known = {
        *lessons.LESSONS,
        "step",
        "model",
        "exercises",
        "tape-against-function",
        *(one.file.removesuffix(".html") for one in DOCUMENTS),
    }
    assert {name for path in PATHS for name in path.names} <= known


def test_a_path_has_the_pages_that_the_site_has():
    """In its own order."""
    pages = [Page(f"{name}.html", name, "", "", "", {}, []) for name in ("tape", "step", "other")]
    found = {path.reader: [page.title for page in some] for path, some in paths(pages)}
    assert found["You know PyTorch"] == ["step", "tape"]
    assert found["You teach"] == []
