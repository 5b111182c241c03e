"""The page on tape and function: what committed results say, drawn in the page's own colours."""

from compare.checkpoints.json_file import read_json
from compare.report.book.documents import ROOT
from compare.report.book.facing_page import PAIR, facing_pages


def test_the_page_is_of_committed_results():
    """All sentences, all columns, all ways; three pictures without colours of their own."""
    (page,) = facing_pages()
    form = read_json(ROOT / PAIR)
    assert page.shows["form"]["words"] == form["words"]
    assert ("tape", form["tape_bytes"]) in [row[:2] for row in page.shows["bytes"]]
    assert len(page.shows["pictures"]) == 3
    for title, told, svg in page.shows["pictures"]:
        assert "<style" not in svg
        assert f'aria-label="{title}. {told}"' in svg
    assert {part[1] for part in page.parts} >= {row["name"] for row in form["capabilities"]}


def test_without_results_there_is_no_page(tmp_path):
    """As where the tool is installed from a wheel."""
    assert facing_pages(tmp_path) == []
