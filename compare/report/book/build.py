"""Every lesson run once, and the site written from what came out."""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import asdict
from importlib.resources import files
from pathlib import Path

from jinja2 import Environment, PackageLoader, StrictUndefined

from compare.errors import UsageError
from compare.frameworks import environment
from compare.frameworks.devices import Device
from compare.lessons import MODEL, sources
from compare.lessons.row import Lesson
from compare.measure.programs import curves
from compare.report.book import folder
from compare.report.book import search_index as search
from compare.report.book.commands import CommandForm, command_pages
from compare.report.book.documents import copy_linked, document_pages
from compare.report.book.facing_page import facing_pages
from compare.report.book.page import SIGNS, Page, chapters, contents, pages, verdict_counts
from compare.report.book.paths import paths
from compare.report.book.pictures import picture_of
from compare.report.book.preview import PREVIEW, preview
from compare.report.book.prose import capitalized, prose, sentence, unquoted
from compare.report.book.schemas import schema_pages
from compare.report.book.see_also import see_also
from compare.report.contract import Form
from compare.report.form import SCHEMA, lesson_form, part_form, plain
from compare.sides.progress import Progress, say_nothing
from compare.verdict.verdict import Verdict, worst

STATIC = ("book.css", "book.js")


def build(
    out: Path,
    device: Device,
    seed: int,
    lessons: Iterable[Lesson],
    say: Progress = say_nothing,
    commands: Sequence[CommandForm] = (),
) -> Form:
    """Run ``lessons`` and write the site into ``out``: them, the documentation where it is there, and ``commands``.

    Returns:
        The form: each lesson's, the worst verdict, and the environment of the build.
    """
    folder.ready(out)  # said before a long run, not after it
    rows = list(lessons)
    forms = []
    for place, lesson in enumerate(rows, 1):
        say(f"building the book: {lesson.name} ({place} of {len(rows)})")
        forms.append(_lesson(lesson, device, seed))
    say("building the book: the training programs")
    book = {
        "schema": SCHEMA,
        "verdict": str(worst([Verdict(form["verdict"]) for form in forms])),
        "seed": seed,
        "environment": environment.fingerprint(device),
        "lessons": forms,
        "parts": [_part(name) for name in MODEL],
        "curves": [asdict(curve) for curve in curves()],
    }
    documents = [
        *document_pages(form["lesson"] for form in forms),
        *command_pages(list(commands)),
        *schema_pages(),
        *facing_pages(),
    ]
    folder.replace(out, lambda target: write(book, target, documents))
    return book


def write(book: Form, target: Path, documents: Sequence[Page] = ()) -> None:
    """Every file of the site, into an empty folder: the book's pages, then ``documents`` and what they link to.

    Raises:
        ValueError: two pages have one name.
    """
    engine = Environment(
        loader=PackageLoader("compare.report.book"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    engine.filters["prose"] = prose
    engine.filters["capitalized"] = capitalized
    engine.filters["sentence"] = sentence
    engine.filters["unquoted"] = unquoted
    every = [*pages(book), *documents]
    if twice := [name for name, count in Counter(page.file for page in every).items() if count > 1]:
        raise ValueError(f"two pages of the site are called {twice[0]}")
    shared = {"book": book, "contents": contents(every), "signs": SIGNS}
    order = [None, *every, None]  # the index comes before the first
    known = {page.file: page for page in every}
    for before, page, after in zip(order, every, order[2:], strict=False):
        given = {**page.shows, "before": before, "after": after, "see": see_also(page, known)}
        text = engine.get_template(page.template).render(shared, page=page, **given)
        (target / page.file).write_text(text, encoding="utf-8")
    index = engine.get_template("index.html").render(
        shared,
        page=None,
        counted=verdict_counts(book["lessons"]),
        chapters=chapters(book["lessons"]),
        paths=paths(every),
    )
    (target / "index.html").write_text(index, encoding="utf-8")
    (target / PREVIEW).write_bytes(preview(*_texts(book["parts"], "train")))
    (target / "search.js").write_text(search.script(every), encoding="utf-8")
    copy_linked(every, target)
    for name in STATIC:
        (target / name).write_bytes(files("compare.report.book").joinpath("static", name).read_bytes())


def _texts(parts: Sequence[Form], name: str) -> tuple[str, str]:
    """The two sources of a part."""
    (source,) = next(part["sources"] for part in parts if part["lesson"] == name)
    return source["reference"]["text"], source["port"]["text"]


def _lesson(lesson: Lesson, device: Device, seed: int) -> Form:
    """What it returned; a lesson that raises is on its page with what it raised."""
    from compare.lessons.run import run

    failure, picture = "", None
    try:
        report = run(lesson, device, seed)
        form, picture = lesson_form(lesson, report, None), picture_of(report)
    except UsageError as error:
        failure = str(error)
        form = {**lesson_form(lesson, None, None), "verdict": str(Verdict.INVALID)}
    summary = sources.summary(form["sources"][0]["reference"]["text"])
    return {**form, "summary": summary, "failure": failure, "picture": plain(picture)}


def _part(name: str) -> Form:
    reference, port = sources.both(*MODEL[name])
    return {
        "lesson": name,
        "summary": sources.summary(reference.text),
        "sources": [part_form(MODEL[name][1], reference, port)],
    }
