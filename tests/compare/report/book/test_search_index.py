"""The index of the search."""

import json

from compare.report.book.page import Page
from compare.report.book.search_index import script

from .conftest import lesson


def test_the_index_is_a_script_that_holds_json():
    """Empty parts are left out, white space is made one blank, no line separator ends the script."""
    parts = [("top", "summary", "One\n  two"), ("returns", "quantity x", "\u2028"), ("same", "what", "\u2028 three")]
    made = script([Page("a.html", "A", "Lessons", "Adds.", "lesson.html", {}, parts)])
    entries = json.loads(made.removeprefix("window.bookIndex = ").removesuffix(";\n"))
    assert made.isascii()
    assert entries == [
        {
            "file": "a.html",
            "title": "A",
            "parts": [
                {"at": "top", "kind": "summary", "text": "One two"},
                {"at": "same", "kind": "what", "text": "three"},
            ],
        }
    ]


def test_titles_prose_quantities_and_code_are_in_it(write):
    """Each with the place that it leads to, which is on the page."""
    read = write(lesson("one"))
    entries = json.loads(read("search.js").removeprefix("window.bookIndex = ").removesuffix(";\n"))
    (entry,) = (entry for entry in entries if entry["file"] == "one.html")
    assert {part["kind"] for part in entry["parts"]} >= {"summary", "what is the same", "quantity sum", "torchref/x.py"}
    for each in entries:
        for part in each["parts"]:
            assert f'id="{part["at"]}"' in read(each["file"])
