"""The commands: each is one file, and one row here, in the order in which ``--help`` lists them.

A command's file imports nothing slow before it runs: its help is instant.
"""

import argparse
from typing import Protocol

from compare.cli.commands import (
    bench,
    book,
    contrast,
    convert,
    differences,
    env,
    new,
    own_weights,
    read,
    report,
    train,
    verify,
)


class Command(Protocol):
    """What the command line asks of a command's file."""

    HELP: str

    def arguments(self, parser: argparse.ArgumentParser) -> None:
        """Add what it takes."""

    def run(self, options: argparse.Namespace) -> int:
        """Do it and return the exit code.

        Raises:
            UsageError: it cannot be done; the message is one line.
        """


COMMANDS: dict[str, Command] = {
    "verify": verify,
    "new": new,
    "convert": convert,
    "weights": own_weights,
    "contrast": contrast,
    "bench": bench,
    "differences": differences,
    "read": read,
    "book": book,
    "train": train,
    "report": report,
    "env": env,
}
