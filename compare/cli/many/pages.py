"""The index of what a store has, and each file's own page, where they are wanted."""

from collections.abc import Sequence
from pathlib import Path

from compare.checkpoints.atomic import writable_folder, write_text
from compare.cli.many.store import RESULTS, Store
from compare.errors import UsageError
from compare.report.many_contract import RowForm
from compare.report.many_index import index_page, own_page

INDEX, PAGES = "index.html", "pages"
MARKER = ".jaxport-pages"
NOTE = "jaxport verify writes index.html and pages/ in this folder.\n"


def ready(folder: Path) -> Path:
    """Where the pages go, once it is known that they can go there.

    Raises:
        UsageError: an index of somebody else's is there, or it cannot be written to.
    """
    own = (folder / MARKER).exists() or (folder / RESULTS).is_dir()
    if (folder / INDEX).exists() and not own:
        raise UsageError(
            f"{folder}: has an index.html that is none of ours: expected a new folder, or one of such pages"
        )
    writable_folder(folder / PAGES)
    (folder / MARKER).write_text(NOTE, encoding="utf-8")
    return folder


def write_pages(store: Store, rows: Sequence[RowForm], options: str, folder: Path) -> Path:
    """``index.html`` in ``folder``, and a page for each file beside it; one that is as new as its result stays. The
    path of the index.

    Raises:
        UsageError: it cannot be written there.
    """
    pages = dict[str, str]()
    for row in rows:
        kept = store.place(row["name"], options)
        page = folder / PAGES / f"{kept.stem}.html"
        if not page.exists() or page.stat().st_mtime_ns < kept.stat().st_mtime_ns:
            form = store.kept(row["name"], options)
            if form is None:
                continue
            write_text(page, own_page(form))
        pages[row["name"]] = f"{PAGES}/{page.name}"
    index = folder / INDEX
    write_text(index, index_page(rows, pages, options))
    return index
