"""The command line. Frameworks are imported by the commands that need them, so that ``--help`` answers at once.

Exit code 0: everything matched. 1: something did not. 2: the command or its input is wrong, said in one line.
"""

import _thread
import argparse
import io
import os
import sys
import threading
from collections.abc import Sequence
from contextlib import suppress
from typing import Any, NoReturn

import compare
from compare.cli.begun_by import end_with_it
from compare.cli.commands import COMMANDS, main_job
from compare.cli.held import drop
from compare.cli.itself import RAN
from compare.cli.meant import Watched, passed_over, watched
from compare.cli.not_overwritten import check_not_read
from compare.cli.results import flush_results, results_alone
from compare.cli.suggest import instead_of_command, instead_of_options
from compare.errors import TRACEBACK, UsageError, did_you_mean, in_one_line, nearest, swallowed
from compare.frameworks.blame import program_goes_on

# Options that name a file to read, beside lists of them,
READ = ("pair", "of", "source", "map", "against", "data", "port_weights", "reference_weights")
SEVERAL = ("pairs", "compare", "given")  # which are these
# Those that name one to write, or a folder for several.
WRITTEN = ("json", "record", "target", "save_map", "sweep", "checkpoint", "store", "html")
INTERRUPTED = 130  # what a shell reports for a command that Ctrl-C ended


class Parser(argparse.ArgumentParser):
    """argparse, with its complaint on one line."""

    def __init__(self, **settings: Any) -> None:
        super().__init__(**settings, allow_abbrev=False)

    def _check_value(self, action: argparse.Action, value: Any) -> None:
        """As argparse does, but for a command or a word that is misspelt."""
        if action.choices is not None and value not in action.choices:
            words = [str(word) for word in action.choices]
            meant = instead_of_command if isinstance(action, argparse._SubParsersAction) else nearest
            hint = did_you_mean(meant(str(value), words), f"expected one of {', '.join(words)}")
            raise argparse.ArgumentError(action, f"invalid choice: {value!r}{hint}")

    def error(self, message: str) -> NoReturn:
        raise UsageError(f"{message} ({self.prog} --help lists what there is)")


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command and return its exit code."""
    sys.unraisablehook = _keep_interrupts
    for name in ("stdout", "stderr"):  # closed by the caller: there is nobody to tell
        setattr(sys, name, getattr(sys, name) or open(os.devnull, "w"))  # noqa: SIM115
        if isinstance(stream := getattr(sys, name), io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")  # a name that the terminal's encoding does not have
    drop()  # of a command before, in this process
    end_with_it()
    try:
        try:
            return _run(sys.argv[1:] if arguments is None else arguments)
        finally:
            flush_results()  # a reader that has gone is noticed here, not by the interpreter on its way out
    except UsageError as error:
        drop()
        if os.environ.get(TRACEBACK):
            swallowed(error)
        return _end(str(error), 2)
    except KeyboardInterrupt:
        return _end("interrupted", INTERRUPTED)
    except BrokenPipeError:  # the reader of a pipe has seen enough: nothing is left to say, not even on exit
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except SystemExit:  # the parser's, once --help or --version is printed: a user's has become a UsageError
        raise
    except BaseException as error:  # a fault of ours, or of what nobody has thought of: not to be taken for a mismatch
        if os.environ.get(TRACEBACK):
            raise
        return _end(f"{in_one_line(error)} ({TRACEBACK}=1 shows where)", 2)


def _end(text: str, code: int) -> int:
    """``code``, once the one line is said. A full disk takes neither the line nor what was left to write: no code but
    this one comes of it, not even on exit."""
    for stream, last in ((sys.stdout, ""), (sys.stderr, f"jaxport: {' '.join(text.split())}\n")):
        try:
            stream.write(last)
            stream.flush()
        except (OSError, ValueError):
            with suppress(OSError, ValueError):  # a stream of a test has no file
                os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())
    return code


def _keep_interrupts(unraisable: "sys.UnraisableHookArgs") -> None:
    """Ctrl-C that lands in a callback of the garbage collector, as JAX has one, would be lost: send it again."""
    if issubclass(unraisable.exc_type, KeyboardInterrupt):
        threading.Timer(0.05, _thread.interrupt_main).start()  # later, or it would be lost in this hook too
    else:
        sys.__unraisablehook__(unraisable)


def parsed(arguments: Sequence[str]) -> Watched:
    """The options that a command line gives; nothing is run.

    Raises:
        UsageError: it has a command, an option or a value that there is not.
    """
    options, unknown = command_line().parse_known_args(arguments)
    if unknown:
        meant = did_you_mean(instead_of_options(unknown, options.parser._option_string_actions))
        options.parser.error(f"unrecognized arguments: {' '.join(unknown)}{meant}")
    return watched(options, arguments)


def _run(arguments: Sequence[str]) -> int:
    options = parsed(arguments)
    options.here = os.getcwd()  # what is named on the command line is named from here, whatever a user's file does
    if options.run is not main_job.run and arguments[0].startswith("-"):
        raise UsageError("the command comes first, its options after it")
    _check_kept(options)
    place = os.environ.pop(RAN, "")  # what is started from here is not asked
    try:
        with results_alone(), program_goes_on():
            code = int(options.run(options))
    finally:
        if place:
            from compare.cli.many.ran import leave_it

            leave_it(place)
    for typed in passed_over(options):
        print(f"jaxport: {typed}: nothing here looked at it", file=sys.stderr)
    return code


def _check_kept(options: argparse.Namespace) -> None:
    """Refuse to write a result over what the command reads, or over another result: a user's own file would be lost.

    Raises:
        UsageError: a file is named for both.
    """
    given = vars(options)
    read = [str(path) for name in SEVERAL for path in given.get(name) or []]
    read += [str(given[name]) for name in READ if given.get(name)]
    written = set[str]()
    for name in WRITTEN:
        path = given.get(name)
        if not path or str(path) == "-" or (os.path.exists(path) and not (os.path.isfile(path) or os.path.isdir(path))):
            continue  # a device takes any number of them
        place = os.path.realpath(path)
        if place in written:
            raise UsageError(f"{path}: is named for two results: name another file to write for one of them")
        written.add(place)
        check_not_read(path, read)


def command_line() -> Parser:
    """The parser of all commands, made from their rows."""
    parser = Parser(
        prog="jaxport",
        description="The same model in PyTorch and in JAX, fed identical NumPy arrays: is the port the same function? "
        f"Without a command, {main_job.HELP}.",
        epilog="Exit code 0: everything matched. 1: something did not. 2: the command or its input is wrong. "
        "What the words of a report mean: jaxport read report.",
    )
    parser.add_argument("--version", action="version", version=f"jaxport {compare.__version__}")
    main_job.arguments(parser)
    parser.set_defaults(run=main_job.run, parser=parser, whole=parser)
    below = parser.add_subparsers(title="commands", metavar="COMMAND", parser_class=Parser)
    for name, command in COMMANDS.items():
        one_command = below.add_parser(name, help=command.HELP)
        command.arguments(one_command)
        one_command.set_defaults(run=command.run, parser=one_command)
    return parser


if __name__ == "__main__":
    sys.exit(main())
