"""The commands as their parsers describe them."""

import argparse

from compare.cli.cli import command_line
from compare.cli.commands import COMMANDS
from compare.cli.described import described


def test_every_command_is_described_with_what_it_takes():
    """The program itself first."""
    forms = described(command_line())
    assert [one["name"] for one in forms] == ["jaxport", *(f"jaxport {name}" for name in COMMANDS)]
    assert all(one["help"] for one in forms)
    assert all(argument["help"] for one in forms for argument in one["arguments"])


def test_an_option_is_named_as_one_writes_it():
    """With its value, its choices, or neither; a default that the help tells is filled in."""
    parser = argparse.ArgumentParser(prog="x", description="Does it.")
    parser.add_argument("pair", metavar="PAIR", help="which")
    parser.add_argument("-n", "--number", type=int, default=3, metavar="N", help="how many (%(default)s)")
    parser.add_argument("--device", choices=("cpu", "gpu"), help="where")
    parser.add_argument("--quick", action="store_true", help="less")
    parser.add_argument("--two", nargs=2, metavar=("A", "B"), help="both")
    (form,) = described(parser)
    assert form["arguments"] == [
        {"name": "PAIR", "help": "which"},
        {"name": "-n, --number N", "help": "how many (3)"},
        {"name": "--device {cpu,gpu}", "help": "where"},
        {"name": "--quick", "help": "less"},
        {"name": "--two A B", "help": "both"},
    ]
