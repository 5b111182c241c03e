"""``jaxport report``: all that was measured, in one HTML file that needs no other."""

import argparse
import os
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from compare.report.contract import Form

HELP = "one HTML file of what verify, train, contrast and bench wrote"
NAME = "report.html"


def arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "folder",
        nargs="?",
        type=Path,
        default=Path("report"),
        metavar="FOLDER",
        help="with the JSON of the main job, or of single commands (default: report)",
    )


def run(options: argparse.Namespace) -> int:
    from compare.cli.streams import remark
    from compare.report.everything import DIFFERENT, verdict

    forms = found(options.folder)
    remark(f"wrote {write_report(forms, options.folder)} ({', '.join(forms)})")
    return int(verdict(forms) in DIFFERENT)


def found(folder: Path) -> "dict[str, Form]":
    """What lies in ``folder``, by the sections of the page.

    Raises:
        UsageError: there is nothing, or something else under one of the names.
    """
    from compare.cli.written import written
    from compare.errors import UsageError
    from compare.report.everything import SECTIONS

    by = {name: "bench --sweep" if name == "sweep" else f"{name} --json" for name in SECTIONS}
    try:
        there = set(os.listdir(folder))
    except OSError as error:
        raise UsageError(f"{folder}: expected a folder of results ({error.strerror})") from error
    forms = {name: written(folder / f"{name}.json", by[name]) for name in SECTIONS if f"{name}.json" in there}
    if not forms:
        names = ", ".join(f"{name}.json" for name in SECTIONS)
        raise UsageError(f"{folder}: expected a folder with some of {names}; jaxport --out {folder} writes them")
    return forms


def write_report(forms: "dict[str, Form]", folder: Path) -> Path:
    """``report.html`` in ``folder``; its path."""
    from compare.checkpoints.atomic import write_text
    from compare.report.everything import everything

    path = folder / NAME
    write_text(path, everything(forms))
    return path
