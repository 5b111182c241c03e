"""``jaxport read``: lists without a framework; shows a lesson's sources at once, then runs it; the page on reports."""

import argparse
from typing import TYPE_CHECKING

from compare.cli.options import add_shared

if TYPE_CHECKING:
    from compare.lessons.row import Lesson

HELP = "a lesson: both sources beside each other, what each returns, the verdict; or 'report': how to read one"


def arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("lesson", nargs="?", metavar="LESSON", help="what to read (without it: what there is)")
    parser.add_argument("--no-run", action="store_true", help="the sources alone, at once")
    add_shared(parser)


def run(options: argparse.Namespace) -> int:
    from compare import lessons
    from compare.cli.streams import emit
    from compare.lessons import sources
    from compare.report.form import SCHEMA, part_form
    from compare.report.lesson import show_list, show_sources
    from compare.report.reading import PAGE, page_text, show_page

    _ = options.no_run  # but for a lesson nothing runs: as it asks
    if options.lesson is None:
        known = {name: lesson.title for name, lesson in lessons.LESSONS.items()}
        parts = {name: sources.summary(sources.both(*where)[0].text) for name, where in lessons.PARTS.items()}
        form = {"schema": SCHEMA, "lessons": known, "parts": parts}
        emit(options, form, lambda out: show_list(known, parts, out))
        return 0
    if options.lesson == PAGE:
        page = page_text()
        emit(options, {"schema": SCHEMA, "page": PAGE, "text": page}, lambda out: show_page(page, out))
        return 0
    if options.lesson in lessons.PARTS:
        where = lessons.PARTS[options.lesson]
        shown = [part_form(where[1], *sources.both(*where))]
        form = {"schema": SCHEMA, "lesson": options.lesson, "sources": shown}
        emit(options, form, lambda out: show_sources(shown, out))
        return 0
    return _lesson(options, lessons.find(options.lesson))


def _lesson(options: argparse.Namespace, lesson: "Lesson") -> int:
    """Its sources, then what both sides return and the verdict."""
    from compare.cli.chosen_device import device_of
    from compare.cli.results import results
    from compare.cli.streams import busy, write_json_option
    from compare.frameworks.environment import fingerprint
    from compare.report.form import lesson_form, passed
    from compare.report.lesson import show_outcome, show_sources
    from compare.report.terminal import console

    out = console(results())
    form = lesson_form(lesson, None, None)
    if options.json != "-":
        show_sources(form["sources"], out)
    if options.no_run:
        write_json_option(options, form)
        return 0
    from compare.lessons.run import run

    with busy(f"running {lesson.name}"):
        device = device_of(options)
        report = run(lesson, device, options.seed)
    form = lesson_form(lesson, report, fingerprint(device))
    if options.json != "-":
        show_outcome(form, out)
    write_json_option(options, form)
    return int(not passed(form))
