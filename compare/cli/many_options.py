"""The options by which ``jaxport verify`` takes many files, and what of the others goes to each file's process."""

import argparse
from pathlib import Path

from compare.cli.options import whole
from compare.errors import UsageError

JOBS, LIMIT = 1, 3600
ENGINES = ("processes", "ray")
OWN = ("jobs", "timeout", "store", "html", "again", "engine", "address")  # of what asks for many
# Of verify's others, those that are the whole command's, and those that say nothing beside many files.
WHOLE = ("pairs", "json", *OWN)
ALONE = ("record", "against", "port_weights", "reference_weights", "original", "explain", "every")


def add_many(parser: argparse.ArgumentParser) -> None:
    """What asks for a process for each file, and says how."""
    many = parser.add_argument_group(
        "many files", "a glob in quotes, a folder, or any of these: each file is verified by a process of its own"
    )
    many.add_argument("-j", "--jobs", type=whole(1), metavar="N", help=f"so many at once (default: {JOBS})")
    many.add_argument(
        "--timeout", type=whole(1), metavar="SECONDS", help=f"after which a file is given up (default: {LIMIT})"
    )
    many.add_argument(
        "--store",
        type=Path,
        metavar="FOLDER",
        help="results; what has not changed is taken from it (default: .jaxport)",
    )
    many.add_argument("--again", action="store_true", help="run all of them, whatever the store has")
    many.add_argument("--html", type=Path, metavar="FOLDER", help="for index.html and its pages (default: the store)")
    many.add_argument("--engine", choices=ENGINES, help="ray hands the files to Ray, here or on a cluster")
    many.add_argument("--address", metavar="ADDRESS", help="of a running Ray cluster (default: RAY_ADDRESS, else here)")


def asks_for_many(options: argparse.Namespace) -> bool:
    """Whether any option does."""
    return any(getattr(options, name) for name in OWN)


def check_many(options: argparse.Namespace, parser: argparse.ArgumentParser) -> None:
    """Refuse what would be passed over in silence.

    Raises:
        UsageError: an option that says nothing beside many files, or two that say nothing beside each other.
    """
    for name in ALONE:
        if getattr(options, name) != parser.get_default(name):
            raise UsageError(f"verify: --{name.replace('_', '-')} takes one file: not beside a glob, a folder or -j")
    if options.address and options.engine != "ray":
        raise UsageError("verify: --address is of a Ray cluster: expected --engine ray beside it")
    if options.address and options.jobs:
        raise UsageError("verify: -j beside --address: how many run at once is the cluster's to say")


def passed_on(options: argparse.Namespace, parser: argparse.ArgumentParser) -> list[str]:
    """The words by which each file's process is asked what the whole command is asked: all that is not at its default,
    in the order in which ``--help`` lists it."""
    words = list[str]()
    for action in parser._actions:  # argparse lists them nowhere else
        if not action.option_strings or action.dest in WHOLE or not hasattr(options, action.dest):
            continue
        value = getattr(options, action.dest)
        if value == action.default:
            continue
        option = action.option_strings[-1]
        if action.nargs == 0:
            words.append(option)
        elif isinstance(value, list):
            words += [part for one in value for part in (option, str(one))]
        else:
            words += [option, str(value)]
    return words
