"""The page of many files."""

import re

import pytest

from compare.report.many_index import broke, index_page, own_page
from tests.compare.report.many_rows import past, row

MISMATCH = past("match", "match", "mismatch", "mismatch", changed=(2, "torch 2.12 → 2.13"))
ROWS = [
    row("zoo/good.py"),
    row("zoo/<wrong>.py", "mismatch", past=MISMATCH, text='x < 1 & "y"'),
    row("zoo/helper.py", "no pair"),
]


def test_it_has_every_file_the_worst_first():
    """With its page, its words, and a mark for each run that says what had changed before it."""
    text = index_page(ROWS, {"zoo/good.py": "pages/good.html"}, "--quick")
    assert re.findall(r'<span class="name">(.*?)</span>', text) == [
        "zoo/&lt;wrong&gt;.py", "zoo/helper.py", '<a href="pages/good.html">zoo/good.py</a>',
    ]  # fmt: skip
    assert "<h1>3 files: 1 not matched</h1>" in text
    assert "jaxport verify --quick, last run 2026-11-01 02:14 UTC" in text
    assert "x &lt; 1 &amp; &quot;y&quot;" in text
    marks = re.search(r'aria-label="4 runs: 2 mismatch, 2 match">(.*?)</span>', text)
    assert marks is not None
    assert re.findall(r'<i class="(\w+)"', marks[1]) == ["good", "good", "bad", "bad"]
    assert 'title="2026-11-03 02:14 mismatch, 4.0 s, torch 2.12 → 2.13"' in marks[1]


def test_it_needs_no_other_file():
    """But the pages that it links to."""
    text = index_page(ROWS, {}, "")
    assert not re.findall(r"(?:src|href|url)\s*[=(]", text)
    assert "all matched" in index_page(ROWS[:1], {}, "")


@pytest.mark.parametrize(
    ("runs", "said"),
    [
        (past("match"), ""),
        (past("match", "match"), ""),
        (
            MISMATCH,
            "match until 2026-11-02 02:14, mismatch since 2026-11-03 02:14: torch 2.12 → 2.13",
        ),
        (
            past("timed out", "match"),
            "timed out until 2026-11-01 02:14, match since 2026-11-02 02:14: nothing that is looked at had changed",
        ),
    ],
)
def test_when_it_broke(runs, said):
    """And what had changed then."""
    assert broke(runs) == said


def test_only_so_many_runs_have_marks():
    """The latest."""
    text = index_page([row("a.py", past=past(*["mismatch"] * 5, *["match"] * 30))], {}, "")
    assert text.count('title="') == 30
    assert 'aria-label="30 runs: 30 match"' in text


def test_a_file_without_a_report_has_what_it_said():
    """Escaped, whatever it is."""
    kept = {"name": "a.py", "outcome": "crashed", "text": "ended by SIGSEGV", "said": "<b>Fatal</b>", "result": None}
    text = own_page(kept)
    assert "<h1>a.py: crashed</h1><p>ended by SIGSEGV</p>" in text
    assert "&lt;b&gt;Fatal&lt;/b&gt;" in text
