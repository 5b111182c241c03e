"""The reference of the commands: a page of what their parsers say."""

from typing import TypedDict

from compare.report.book.documents import REFERENCE
from compare.report.book.page import Page


class ArgumentForm(TypedDict):
    """One option or one word that a command takes."""

    name: str
    help: str


class CommandForm(TypedDict):
    """One command: its name with ``jaxport`` before it, what it does, what it takes."""

    name: str
    help: str
    arguments: list[ArgumentForm]


def command_pages(commands: list[CommandForm]) -> list[Page]:
    """One page; none without commands."""
    if not commands:
        return []
    placed, parts = [], []
    for one in commands:
        at, taken = one["name"].replace(" ", "-"), [f"{each['name']} {each['help']}" for each in one["arguments"]]
        placed.append({**one, "at": at})
        parts.append((at, one["name"], " ".join((one["help"], *taken))))
    about, shows = "What each command takes, read from its parser", {"commands": placed}
    return [Page("commands.html", "Commands and their options", REFERENCE, about, "commands.html", shows, parts)]
