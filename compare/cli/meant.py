"""Options that were typed and mean nothing for what a command was asked: refused before it runs; and, where no check
knows of one, told once it has run, since a command notes which of its options it looked at."""

import argparse
from collections.abc import Collection, Mapping, Sequence
from typing import Any

from compare.errors import UsageError

SHARED = ("device", "seed")  # every command takes them: where nothing depends on them, that is not worth a line


class Watched(argparse.Namespace):
    """Options that remember which of them were looked at."""

    def __getattribute__(self, name: str) -> Any:
        if not name.startswith("_"):
            object.__getattribute__(self, "__dict__").setdefault("_seen", set()).add(name)
        return super().__getattribute__(name)


def watched(options: argparse.Namespace, arguments: Sequence[str]) -> Watched:
    """The options of a command line, which know as ``named`` which of them it names."""
    return Watched(**vars(options), named=_named_in(arguments, options))


def _named_in(arguments: Sequence[str], options: argparse.Namespace) -> dict[str, str]:
    """The options that a command line names, at their defaults or not, and its words that are at no default: each as it
    was typed, by where its value goes."""
    actions = options.parser._actions  # argparse lists them nowhere else
    known = {option: action.dest for action in actions for option in action.option_strings}
    typed = [word.partition("=")[0] if word.startswith("--") else word[:2] for word in arguments]
    named = {known[word]: word for word in typed if word in known}
    for action in actions:
        value = vars(options).get(action.dest)
        if not action.option_strings and action.nargs != argparse.PARSER and value not in (action.default, [], None):
            named[action.dest] = " ".join(map(str, value)) if isinstance(value, list) else str(value)
    return named


def check_meant(options: argparse.Namespace, meant: Collection[str], where: str) -> None:
    """Refuse what would be passed over in silence.

    Args:
        meant: where the values go of the options that are looked at.
        where: what was asked, as a person says it: "where a lesson is marked".

    Raises:
        UsageError: an option is named that is none of these.
    """
    for name, typed in _named(options).items():
        if name not in meant:
            raise UsageError(f"{typed} means nothing {where}: leave it out")


def passed_over(options: Watched) -> list[str]:
    """The options that were named and that nothing looked at, as they were typed."""
    seen = vars(options).get("_seen", ())
    return [typed for name, typed in _named(options).items() if name not in seen and name not in SHARED]


def _named(options: argparse.Namespace) -> Mapping[str, str]:
    """Of options that come from no command line, none."""
    return vars(options).get("named", {})
