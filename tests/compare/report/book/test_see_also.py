"""Where a lesson leads on to."""

from compare import lessons
from compare.report.book.documents import DOCUMENTS
from compare.report.book.page import Page
from compare.report.book.see_also import SEE, see_also

OWN = {"step", "model", "exercises", "tape-against-function"}


def test_every_lesson_leads_on_to_pages_that_there_are():
    """And to others than itself."""
    known = {*lessons.LESSONS, *OWN, *(one.file.removesuffix(".html") for one in DOCUMENTS)}
    assert list(SEE) == list(lessons.LESSONS)
    for name, others in SEE.items():
        assert set(others) <= known - {name}, name
        assert len(others) == len(set(others)) >= 2, name


def test_a_site_leads_to_what_it_has():
    """In their own order; a page that leads nowhere has none."""
    pages = {name: Page(name, name, "", "", "", {}, []) for name in ("views.html", "tape.html", "in_place.html")}
    assert [page.file for page in see_also(pages["in_place.html"], pages)] == ["tape.html", "views.html"]
    assert see_also(Page("index.html", "", "", "", "", {}, []), pages) == []
