"""``jaxport book``: every lesson run once, and the site written from what came out."""

import argparse
from pathlib import Path

from compare.cli.options import add_shared

HELP = "every lesson as a static site that opens from disk"


def arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--out", type=Path, default=Path("book"), help="folder for the site (default: book)")
    add_shared(parser)


def run(options: argparse.Namespace) -> int:
    from compare import lessons
    from compare.cli.chosen_device import device_of
    from compare.cli.described import described
    from compare.cli.streams import busy, emit
    from compare.report.book.build import build
    from compare.report.book.folder import ready
    from compare.report.book.told import show_book
    from compare.report.form import passed

    ready(options.out)
    device = device_of(options)
    with busy("building the book") as say:
        form = build(options.out, device, options.seed, lessons.LESSONS.values(), say, described(options.whole))
    emit(options, form, lambda out: show_book(form, options.out, out))
    return int(not passed(form))
