"""The one page: a section for each command that has run, pictures inside, and no other file."""

import base64
import json
import re
from pathlib import Path

import pytest

from compare.report.everything import SECTIONS, everything
from tests.compare.report.test_sweep import SWEEP

RESULTS = Path(__file__).parents[3] / "results" / "cpu"


@pytest.fixture(scope="module")
def forms():
    """The committed results, and a small sweep."""
    return {name: json.loads((RESULTS / f"{name}.json").read_text()) for name in SECTIONS if name != "sweep"} | {
        "sweep": SWEEP
    }


@pytest.fixture(scope="module")
def page(forms):
    return everything(forms)


def test_every_section_is_there_and_linked(page):
    """In the order of the table, each with the machine that it was measured on."""
    assert re.findall(r'<section id="(\w+)">', page) == [*SECTIONS]
    assert re.findall(r'<a href="#(\w+)">', page) == list(SECTIONS)
    assert page.count("<summary>where this was measured</summary>") == len(SECTIONS)


def test_it_shows_what_the_terminal_shows(page):
    """The verdict, the epochs, what each way keeps, what may be quoted."""
    text = re.sub(r"<[^>]+>", "", page)
    for words in ("training:", "residual of jax.vjp, op by op", "XLA (jax.jit) against", "floor:"):
        assert words in text
    assert "<title>jaxport: mlp, loose: mismatch</title>" in page  # a row of the sweep that is made up here


def test_pictures_are_inside_and_described(page):
    """As SVG, with words for whoever does not see them; nothing is fetched from anywhere."""
    pictures = re.findall(r'<img alt="([^"]+)" src="data:image/svg\+xml;base64,([^"]+)">', page)
    assert len(pictures) == 1 + 3 + 3 + 2
    for words, data in pictures:
        assert len(words) > 20
        assert b"<svg" in base64.b64decode(data)
    assert not re.search(r'(?:src|href)="(?!data:|#)', page)


def test_the_same_forms_make_the_same_page(page, forms):
    """No date, no random names."""
    assert everything(forms) == page


def test_what_has_not_run_has_no_section(forms):
    """Of the benchmark alone a page all the same; a disturbed one draws no break-even."""
    alone = everything({"bench": {**forms["bench"], "unpublished": "busy"}})
    assert re.findall(r'<section id="(\w+)">', alone) == ["bench"]
    assert alone.count("<figure>") == 2
