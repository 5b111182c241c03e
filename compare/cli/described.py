"""The commands, described from their parsers: for the reference that the site has."""

import argparse
from collections.abc import Iterator

from compare.report.book.commands import ArgumentForm, CommandForm


def described(parser: argparse.ArgumentParser) -> list[CommandForm]:
    """``parser`` and each command below it, in the order in which it lists them."""
    return list(_described(parser, "the main job, and what every command is part of"))


def _described(parser: argparse.ArgumentParser, said: str) -> Iterator[CommandForm]:
    arguments: list[ArgumentForm] = []
    below: list[tuple[argparse.ArgumentParser, str]] = []
    for action in parser._actions:  # argparse lists them nowhere else
        if isinstance(action, argparse._SubParsersAction):
            helps = {one.dest: one.help or "" for one in action._choices_actions}
            below = [(one, helps[name]) for name, one in action.choices.items()]
        elif not isinstance(action, argparse._HelpAction):
            arguments.append({"name": _name(action), "help": _help(action, parser)})
    yield {"name": parser.prog, "help": parser.description or said, "arguments": arguments}
    for one, help_ in below:
        yield from _described(one, help_)


def _name(action: argparse.Action) -> str:
    """As one writes it: ``--json PATH``, ``--device {auto,cpu,gpu}``, ``PAIR``."""
    words = action.metavar or (f"{{{','.join(map(str, action.choices))}}}" if action.choices else action.dest.upper())
    value = " ".join(words) if isinstance(words, tuple) else words
    if not action.option_strings:
        return value
    return ", ".join(action.option_strings) + ("" if action.nargs == 0 else f" {value}")


def _help(action: argparse.Action, parser: argparse.ArgumentParser) -> str:
    return (action.help or "") % {**vars(action), "prog": parser.prog}
