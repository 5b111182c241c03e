"""Many files in the terminal."""

import io

from compare.report.many_pairs import counts, show_many, worst_first
from compare.report.terminal import console
from tests.compare.report.many_rows import many, row

ROWS = [
    row("good.py"), row("taken.py", taken=True), row("slow.py", "timed out"), row("b.py", "mismatch"),
    row("a.py", "mismatch"), row("half.py", "float32_only"), row("strict.py", "float32_only", code=1),
    row("helper.py", "no pair"),
]  # fmt: skip


def shown(form, width: str, monkeypatch) -> str:
    monkeypatch.setenv("COLUMNS", width)
    out = io.StringIO()
    show_many(form, console(out))
    return out.getvalue()


def test_the_worst_come_first():
    """And of one kind in the order of their names."""
    assert [one["name"] for one in worst_first(ROWS)] == [
        "a.py", "b.py", "slow.py", "helper.py", "half.py", "strict.py", "good.py", "taken.py",
    ]  # fmt: skip
    assert counts(ROWS) == {"match": 2, "float32_only": 2, "no pair": 1, "timed out": 1, "mismatch": 2}


def test_the_table_says_what_is_wrong_and_where_everything_is(monkeypatch):
    """A match needs no words; what counts against the whole is named again at the end."""
    text = shown(many(*ROWS, skipped=[f"s{place}.py" for place in range(7)]), "120", monkeypatch)
    lines = text.splitlines()
    assert [line.split()[-1] for line in lines if line.startswith("mismatch")] == ["a.py", "b.py"]
    assert "why good.py" not in text
    assert "why slow.py" in text
    assert [line.split() for line in lines if " taken.py" in line] == [["match", "taken.py", "4.0", "taken"]]
    assert ".jaxport: 1 of 8 files taken from it" in text
    assert "s0.py, s1.py, s2.py, s3.py, s4.py and 2 more: nothing in there makes a Pair" in text
    assert lines[-1] == (
        "verdict    2 mismatch (b.py, a.py); 1 timed out (slow.py); 1 no pair; 2 float32_only (strict.py); 2 match"
    )


def test_a_narrow_terminal_has_it_too(monkeypatch):
    """Without the columns that can be spared."""
    text = shown(many(row("zoo/a/very/long/name.py", "mismatch")), "40", monkeypatch)
    assert "zoo/a/very/long/name.py" in text
    assert max(map(len, text.splitlines())) <= 40
