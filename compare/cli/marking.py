"""A student's side of a lesson against the other side: what ``jaxport verify`` does with a lesson's file."""

import argparse
from pathlib import Path

from compare import lessons
from compare.cli.chosen_device import device_of
from compare.cli.meant import SHARED, check_meant
from compare.cli.named import is_file
from compare.cli.streams import busy, emit
from compare.errors import UsageError
from compare.frameworks import devices
from compare.frameworks.environment import fingerprint
from compare.lessons.handout import lesson_of
from compare.pair import pair_file
from compare.report.form import lesson_form, passed
from compare.report.lesson import show_mark


def lesson_files(names: list[str]) -> dict[str, tuple[str, str]]:
    """Those of ``names`` that are a lesson's file, each with the lesson's name and the side that was written."""
    lesson_and_side = {name: lesson_of(Path(name)) for name in names if is_file(name)}
    return {name: known for name, known in lesson_and_side.items() if known is not None}


def mark(options: argparse.Namespace) -> int:
    """Run the one lesson of ``options.pairs`` with what the student wrote, show the mark, and return the exit code.

    Raises:
        UsageError: there is more than one file, an option that means nothing here, or a file that cannot be run.
    """
    from compare.lessons.written_side import marked

    if len(options.pairs) != 1:
        raise UsageError("verify: a lesson's file is marked alone: give one file at a time")
    check_meant(options, ("pairs", "json", *SHARED), "where a lesson is marked")
    ((path, (name, side)),) = lesson_files(options.pairs).items()
    lesson = lessons.find(name)
    device = device_of(options)
    with busy(f"marking {name}"):
        written = getattr(pair_file.module_of(Path(path)), lesson.function, None)
        devices.set_float32_policy()  # again: the file may have set another
        report = marked(lesson, side, written, device, options.seed)
    form = {**lesson_form(lesson, report, fingerprint(device)), "marked": side, "file": path}
    emit(options, form, lambda out: show_mark(form, out))
    return int(not passed(form))
