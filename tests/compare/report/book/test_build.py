"""The build: pages from forms, forms from runs."""

import html
import re
from html.parser import HTMLParser
from itertools import pairwise

from compare import lessons
from compare.report.book import build

from .conftest import CURVES, lesson, quantity

PAGES = ("index.html", "step.html", "one.html", "two.html", "model.html", "exercises.html")
VOID = {"meta", "link", "input", "br", "path", "rect", "circle", "polyline", "wbr"}


class Outline(HTMLParser):
    """Whether elements nest, and which ids and headings there are."""

    def __init__(self):
        super().__init__()
        self.open, self.ids, self.headings, self.targets = [], [], [], []

    def handle_starttag(self, tag, attributes):
        given = dict(attributes)
        if tag not in VOID:
            self.open.append(tag)
        if "id" in given:
            self.ids.append(given["id"])
        if re.fullmatch("h[1-6]", tag):
            self.headings.append(int(tag[1]))
        self.targets += [given[key] for key in ("href", "src") if key in given]

    def handle_endtag(self, tag):
        if tag not in VOID:
            assert self.open.pop() == tag


def outline(text):
    made = Outline()
    made.feed(text)
    assert made.open == []
    return made


def test_pages_nest_name_each_place_once_and_head_in_order(write):
    """One h1 a page, and no level skipped."""
    read = write(lesson("one"), lesson("two"))
    for name in PAGES:
        made = outline(read(name))
        assert len(made.ids) == len(set(made.ids)), name
        assert made.headings[0] == 1
        assert made.headings.count(1) == 1
        assert all(after <= before + 1 for before, after in pairwise(made.headings))


def test_every_link_leads_to_a_file_of_the_book(write, tmp_path):
    """No page asks for anything that is not there, or not on this disk."""
    read = write(lesson("one"), lesson("two"))
    for name in PAGES:
        for target in outline(read(name)).targets:
            file, _, place = target.partition("#")
            assert target == "data:," or (tmp_path / "book" / (file or name)).is_file(), target
            assert not place or place in outline(read(file or name)).ids


def test_every_footer_says_what_the_page_was_built_with(write):
    """Versions, device, seed."""
    read = write(lesson("one"), lesson("two"))
    for name in PAGES:
        footer = " ".join(read(name).split("<footer>")[1].split())
        assert "<b>cpu</b> (a processor), seed 0, with torch 2.99.0, jax 0.99.0 and Python 3.11.0" in footer


def test_an_error_is_shown_as_it_was_raised(write):
    """Its angle brackets are text, wherever it stands."""
    text = "cannot pickle <module 'x'> & \"more\""
    page = write(lesson("one", failure=text, quantities=[quantity(text, reference=text, reason=text)]))("one.html")
    assert page.count("&lt;module &#39;x&#39;&gt; &amp; &#34;more&#34;") == 4
    assert "<module" not in page


def test_the_source_on_a_page_is_the_source(write):
    """Tags taken away, each side is what its file has."""
    from .conftest import SOURCES

    page = write(lesson("one"))("one.html")
    code = re.findall(r"<pre><code>(.*?)</code></pre>", page, re.DOTALL)
    assert [html.unescape(re.sub("<[^>]+>", "", one)) for one in code] == list(SOURCES.values())


def test_pages_lead_on_and_back(write):
    """From the index to the last one."""
    read = write(lesson("one"), lesson("two"))
    assert 'rel="prev" href="index.html"' in read("step.html")
    for before, after in pairwise(PAGES[1:]):
        assert f'rel="next" href="{after}"' in read(before)
        assert f'rel="prev" href="{before}"' in read(after)
    assert 'rel="next"' not in read("exercises.html")


def test_a_lesson_is_run_and_written(cpu, tmp_path, monkeypatch):
    """The form holds what the page shows."""
    monkeypatch.setattr(build, "curves", lambda: CURVES)  # run in tests/compare/measure/test_programs.py
    said = []
    form = build.build(tmp_path / "book", cpu, 0, [lessons.find("broadcasting")], said.append)
    page = (tmp_path / "book" / "broadcasting.html").read_text(encoding="utf-8")
    assert form["verdict"] == "match"
    assert "Incompatible shapes for broadcasting" in page
    assert said == ["building the book: broadcasting (1 of 1)", "building the book: the training programs"]
