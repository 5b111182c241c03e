"""The documentation as pages of the site: read from the checkout that the tool runs from, where it runs from one."""

import posixpath
import shutil
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import compare
from compare.checkpoints.json_file import read_json
from compare.lessons import MODEL
from compare.report.book.drawing import spark
from compare.report.book.marked import Drawn, Marked, marked
from compare.report.book.page import Page

ROOT = Path(compare.__file__).resolve().parents[1]
GUIDE, REFERENCE = "Guides", "Reference"
FILES = "files"  # folder of the site for what the pages link to in the repository
READ = "jaxport read "  # and the name of a lesson: a command, which is a page here
ELSEWHERE = ("https://", "http://", "mailto:")


@dataclass(frozen=True)
class Document:
    """A page of the documentation: where it lies in the repository, where it stands in the contents, what it is; and a
    result by whose numbers the bars of its tables are drawn."""

    source: str
    group: str
    about: str
    apart: str = ""

    @property
    def file(self) -> str:
        """Of the site."""
        return f"{Path(self.source).stem.lower()}.html"


DOCUMENTS = (
    Document("docs/five-minutes.md", GUIDE, "From nothing to a verdict on your own two models"),
    Document("compare/report/reading.md", GUIDE, "What each word means, and when not to trust a verdict"),
    Document("docs/verify-your-port.md", GUIDE, "All that a pair may be, weights, checkpoints, two environments"),
    Document(
        "docs/when-a-port-differs.md", GUIDE, "How the place and the cause of a difference are found, and what to do"
    ),
    Document("docs/by-module.md", GUIDE, "A verdict on a model that has no room in memory as a whole"),
    Document("docs/mesh.md", GUIDE, "A port verified on several devices, and what sharding breaks"),
    Document("docs/tests-and-ci.md", GUIDE, "The pytest fixture, and the GitHub Action"),
    Document("docs/many-pairs.md", GUIDE, "A whole zoo every night: a process each, a store, a page with history"),
    Document("docs/teaching.md", GUIDE, "A plan for four hours, handouts, and how they are marked"),
    Document(
        "docs/differences.md", REFERENCE, "What each layer, loss, initialiser, optimizer is on the other side, run"
    ),
    Document(
        "docs/optimizers.md",
        REFERENCE,
        "Every optimizer and schedule with its twin, equal in float64",
        "results/cpu/optimizers.json",
    ),
    Document("docs/contrast.md", REFERENCE, "What a tape and a function record, keep and can do"),
    Document("docs/verdict.md", REFERENCE, "How the tolerance is derived, and what a verdict rests on"),
    Document("docs/benchmark.md", REFERENCE, "How XLA and eager are timed, and what bounds a step"),
    Document("docs/api.md", REFERENCE, "Every public name"),
    Document("docs/versions.md", REFERENCE, "The sets of versions that are tested"),
    Document("CONTRIBUTING.md", REFERENCE, "Where to change what"),
)
# What is a page of its own here, and a file or a folder there.
MADE = {"README.md": "index.html", "schema": "schemas.html"}


def in_checkout(root: Path = ROOT) -> bool:
    """Whether the documentation lies beside the packages: a wheel does not bring it."""
    return (root / "pyproject.toml").is_file() and all((root / one.source).is_file() for one in DOCUMENTS)


def document_pages(lessons: Iterable[str] = (), root: Path = ROOT) -> list[Page]:
    """Every page of the documentation; none where the tool is installed without it.

    Args:
        lessons: names of those that the site has: where a page says ``jaxport read NAME``, it leads there.

    Raises:
        ValueError: a page links to what is not there.
    """
    read = {name: f"{name}.html" for name in lessons} | dict.fromkeys(MODEL, "model.html") | {"report": "reading.html"}
    return [_page(one, root, read) for one in DOCUMENTS] if in_checkout(root) else []


def copy_linked(pages: list[Page], target: Path, root: Path = ROOT) -> None:
    """The files of the repository that ``pages`` link to, into the site's folder ``target``."""
    for source in sorted({one for page in pages for one in page.shows.get("linked", ())}):
        (target / FILES / source).parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(root / source, target / FILES / source)


def _page(document: Document, root: Path, read: Mapping[str, str]) -> Page:
    linked: list[str] = []

    def led(href: str) -> str | None:
        return _led(href, document, root, linked)

    def leads(code: str) -> str | None:
        named = next((one.file for one in DOCUMENTS if code == one.source != document.source), None)
        return read.get(code.removeprefix(READ)) if code.startswith(READ) else named

    made: Marked = marked((root / document.source).read_text(encoding="utf-8"), led, leads, _drawn(document, root))
    inside = [one for one in made.sections if one.level == 2]
    shows = {"html": made.html, "inside": inside, "linked": tuple(linked), "source": document.source}
    parts = [(one.at, one.title, one.text) for one in made.sections]
    return Page(document.file, made.title, document.group, document.about, "document.html", shows, parts)


def _drawn(document: Document, root: Path) -> dict[str, Drawn]:
    """Of each row of a result, how its bars are drawn."""
    if not document.apart:
        return {}
    found: Any = read_json(root / document.apart)
    return {name: partial(spark.draw, powers, found["equal"]) for name, powers in found["apart"].items()}


def _led(href: str, document: Document, root: Path, linked: list[str]) -> str | None:
    """Where a link of a page leads on the site: to a page, to a copied file; None for a folder, which has no page."""
    if href.startswith((*ELSEWHERE, "#")):
        return href
    path, _, place = href.partition("#")
    source = posixpath.normpath(posixpath.join(posixpath.dirname(document.source), path))
    if not (root / source).exists():
        raise ValueError(f"{document.source}: links to {href}, which is not there")
    at = f"#{place}" if place else ""
    pages = {one.source: one.file for one in DOCUMENTS} | MADE
    if source in pages:
        return f"{pages[source]}{at}"
    if (root / source).is_dir():
        return None
    linked.append(source)
    return f"{FILES}/{source}"
