"""The index and its pages, where they are wanted."""

import os

import pytest

from compare.cli.many.pages import ready, write_pages
from compare.cli.many.store import Store
from compare.cli.many.task import Ended
from compare.errors import UsageError
from tests.compare.report.many_rows import row

FACTS = {"options": ""}
CRASHED = Ended(-9, 1.0, None, "Fatal")


def test_each_file_has_a_page_that_is_written_once(tmp_path):
    """And anew when its result is."""
    store, folder = Store(tmp_path / "store"), ready(tmp_path / "html")
    kept = store.place("a.py", "")
    store.keep("a.py", FACTS, CRASHED, "crashed", 2, "ended")
    index = write_pages(store, [row("a.py", "crashed"), row("gone.py")], "", folder)
    page = folder / "pages" / f"{kept.stem}.html"
    assert f'href="pages/{page.name}"' in index.read_text()
    assert "gone.py</span>" in index.read_text()
    assert "Fatal" in page.read_text()
    page.write_text("as it was")
    os.utime(kept, ns=(0, 0))
    write_pages(store, [row("a.py")], "", folder)
    assert page.read_text() == "as it was"
    os.utime(page, ns=(0, 0))
    os.utime(kept, ns=(1, 1))
    write_pages(store, [row("a.py")], "", folder)
    assert "Fatal" in page.read_text()


def test_an_index_of_somebody_elses_stays(tmp_path):
    """It is refused before anything runs; one of ours is written again."""
    (tmp_path / "site").mkdir()
    (tmp_path / "site" / "index.html").write_text("mine")
    with pytest.raises(UsageError, match="none of ours"):
        ready(tmp_path / "site")
    assert [path.name for path in (tmp_path / "site").iterdir()] == ["index.html"]
    folder = ready(tmp_path / "new")
    write_pages(Store(tmp_path / "store"), [row("a.py")], "", folder)
    assert ready(folder) == folder
    store = Store(tmp_path / "both")
    write_pages(store, [row("a.py")], "", ready(store.folder))
    assert ready(store.folder) == store.folder
