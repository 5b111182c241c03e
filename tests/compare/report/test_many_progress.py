"""Many files while they run."""

import io

from rich.console import Console

from compare.report.many_progress import Filling, filling
from tests.compare.report.many_rows import row


def terminal(width: int = 80, height: int = 12) -> Console:
    return Console(file=io.StringIO(), force_terminal=True, width=width, height=height, color_system=None)


def drawn(table: Filling) -> list[str]:
    with table.out.capture() as captured:
        table.out.print(table)
    return [line.rstrip() for line in captured.get().splitlines()]


def test_a_line_a_file_where_nobody_watches(capsys):
    """To standard error, in the order in which they end."""
    with filling(10) as shown:
        shown.at_work(["a.py"])
        shown.ended(row("a.py"))
        shown.ended(row("b.py", "mismatch"))
        shown.ended(row("c.py", taken=True))
    out, err = capsys.readouterr()
    assert out == ""
    assert err.splitlines() == [
        " 1/10 match           4.0 s  a.py",
        " 2/10 mismatch        4.0 s  b.py  why b.py",
        " 3/10 match           4.0 s  c.py  taken from the store",
    ]


def test_the_table_fills_on_a_terminal():
    """What runs now stands below it, and what does not match above all else."""
    table = Filling(300, terminal())
    assert drawn(table)[-1].startswith("0 of 300, 0 s")
    table.at_work(["d.py", "e.py"])
    for one in (row("bad.py", "mismatch"), *(row(f"{place}.py") for place in range(20))):
        table.ended(one)
    lines = drawn(table)
    assert len(lines) <= 12
    assert lines[0].split() == ["mismatch", "4.0", "s", "bad.py", "why", "bad.py"]
    assert lines[-2].split()[-1] == "19.py"
    assert lines[-1] == "21 of 300, 1 not matched, 0 s, running: d.py, e.py"
    table.ended(row("d.py"))
    assert drawn(table)[-1] == "22 of 300, 1 not matched, 0 s, running: e.py"


def test_many_failures_leave_room_for_what_ends_now():
    """Half of the lines, the worst of them; no line is longer than the terminal."""
    table = Filling(100, terminal(40, 10))
    for place in range(30):
        table.ended(row(f"{place}.py", "mismatch"))
        table.ended(row(f"a/long/name/that/has/no/room/{place}.py"))
    table.at_work(["a" * 100])
    lines = drawn(table)
    assert len(lines) <= 10
    assert max(map(len, lines)) <= 40
    assert [line.split()[0] for line in lines[:-1]] == ["mismatch"] * 3 + ["match", "mismatch", "match"]


def test_the_live_table_is_gone_in_the_end(monkeypatch):
    """What it came to is shown whole, on standard output."""
    console = terminal()
    monkeypatch.setattr("compare.report.many_progress.Console", lambda **given: console)
    with filling(2) as shown:
        shown.ended(row("a.py"))
    text = console.file.getvalue()
    assert "a.py" in text
    assert text.rstrip().endswith(("\x1b[2K", "\x1b[?25h"))
