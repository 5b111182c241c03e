"""The documentation as pages of the site."""

from pathlib import Path

import pytest

from compare.cli.cli import command_line
from compare.cli.described import described
from compare.report.book import build, documents, folder
from compare.report.book.commands import command_pages
from compare.report.book.documents import DOCUMENTS, ROOT, document_pages
from compare.report.book.facing_page import facing_pages
from compare.report.book.schemas import schema_pages

from .conftest import lesson, small
from .test_build import outline


@pytest.fixture(scope="module")
def site(tmp_path_factory) -> Path:
    """A site of one lesson and all documentation."""
    made = [*document_pages(), *command_pages(described(command_line())), *schema_pages(), *facing_pages()]
    out = tmp_path_factory.mktemp("site") / "book"
    folder.replace(out, lambda target: build.write(small(lesson("one")), target, made))
    return out


def test_every_page_of_the_documentation_is_on_the_site():
    """None is forgotten."""
    there = {f"docs/{path.name}" for path in (ROOT / "docs").glob("*.md")}
    assert there <= {one.source for one in DOCUMENTS}


def test_every_link_leads_to_a_place_of_the_site(site):
    """To a page and a heading on it, or to a file that was copied; the rest is elsewhere, and said to be."""
    read = {path.name: outline(path.read_text(encoding="utf-8")) for path in site.glob("*.html")}
    assert len(read) > len(DOCUMENTS)
    for name, made in read.items():
        assert made.headings[0] == 1
        assert len(made.ids) == len(set(made.ids)), name
        for target in made.targets:
            file, _, place = target.partition("#")
            if target.startswith((*documents.ELSEWHERE, "data:")):
                continue
            assert (site / (file or name)).is_file(), (name, target)
            assert not place or place in read[file or name].ids, (name, target)


def test_the_search_finds_what_the_documentation_says(site):
    """By section."""
    index = (site / "search.js").read_text(encoding="utf-8")
    assert '"at":"how-it-is-timed"' in index
    assert "--capabilities" in index


def test_a_lesson_that_is_named_by_its_command_is_a_link():
    """Where the site has it."""
    pages = {page.file: str(page.shows["html"]) for page in document_pages(["tape"])}
    assert '<a href="tape.html"><code>jaxport read tape</code></a>' in pages["teaching.html"]
    assert '<a href="model.html"><code>jaxport read train</code></a>' in pages["teaching.html"]
    assert '<a href="modes.html">' not in pages["teaching.html"]


def test_a_page_that_is_named_by_its_place_is_a_link():
    """What a page that the terminal shows too can say of another; not of itself."""
    pages = {page.file: str(page.shows["html"]) for page in document_pages()}
    assert '<a href="verdict.html"><code>docs/verdict.md</code></a>' in pages["reading.html"]
    for name, text in pages.items():
        assert f'<a href="{name}"><code>' not in text, name


def test_a_link_to_nothing_is_a_fault_of_the_page(tmp_path):
    """Said when the site is built."""
    for one in DOCUMENTS:
        (tmp_path / one.source).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / one.source).write_text("# A page\n\n[gone](gone.md)\n")
    (tmp_path / "pyproject.toml").touch()
    with pytest.raises(ValueError, match=r"five-minutes.md: links to gone.md, which is not there"):
        document_pages(root=tmp_path)


def test_an_installation_without_it_has_the_lessons_alone(tmp_path):
    """Whatever lies in a folder called docs beside the packages."""
    (tmp_path / "docs").mkdir()
    assert document_pages(root=tmp_path) == []
    assert schema_pages(tmp_path) == []


def test_two_pages_of_one_name_are_refused(tmp_path):
    """A lesson that is called like a page of the documentation would be lost."""
    with pytest.raises(ValueError, match=r"two pages of the site are called verdict\.html"):
        build.write(small(lesson("verdict")), tmp_path, document_pages())


def test_every_recipe_is_drawn_by_its_numbers():
    """A line in each row of the page of optimizers, with its bars as the words for it."""
    (page,) = [one for one in document_pages() if one.file == "optimizers.html"]
    text = (ROOT / "docs" / "optimizers.md").read_text(encoding="utf-8")
    rows = [line.split(" | ") for line in text.splitlines() if line.count("|") > 6 and set(line) & set("▁▂▃▄▅▆▇█")]
    assert len(rows) > 50
    assert str(page.shows["html"]).count("<svg") == len(rows)
    for row in rows:
        assert f'><svg viewBox="0 0 150 44" role="img" aria-label="{row[4]} from 1e' in page.shows["html"], row[0]
