"""``jaxport new``: a file to start from. Imports no framework."""

import argparse
import shlex
from pathlib import Path

from compare.errors import UsageError

HELP = "write a commented file that defines a pair, to start from"


def arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("file", type=Path, nargs="?", metavar="FILE.py", help="where to write it (a lesson: NAME.py)")
    parser.add_argument("--lesson", metavar="NAME", help="a lesson with one side's body left out, to be written")
    parser.add_argument("--side", choices=("reference", "port"), help="of the lesson (default: port)")


def run(options: argparse.Namespace) -> int:
    from compare import lessons
    from compare.checkpoints.atomic import write_text
    from compare.cli.results import result
    from compare.lessons.handout import handout
    from compare.pair.pair_file import starting_text

    if str(options.file or "") in ("", ".") and options.lesson is None:
        raise UsageError("new: expected the name of a file to write, such as my_pair.py, or --lesson NAME")
    if options.lesson is None and options.side is not None:
        raise UsageError("new: --side is of a lesson: expected --lesson NAME beside it")
    known = None if options.lesson is None else lessons.find(options.lesson)
    file = options.file or Path(f"{options.lesson}.py")
    if file.suffix != ".py":
        raise UsageError(f"{file}: expected a name that ends in .py")
    text = handout(known, options.side or "port", file) if known else starting_text(file)
    write_text(file, text, new=True)
    result(f"wrote {file}; run it with: jaxport verify {shlex.quote(str(file))}")
    return 0
