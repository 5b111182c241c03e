"""The commands that the pages show, as they stand there."""

import re
from pathlib import Path

ROOT = Path(__file__).parents[2]
DOCS = [f"docs/{path.name}" for path in sorted((ROOT / "docs").glob("*.md"))]
PAGES = ["README.md", *DOCS, "compare/report/reading.md"]
PROGRAM = r"(?:jaxport|python3?|make|pip|uv|bash|scripts/[\w.]+)"
SHELL = ("", "bash", "sh", "console", "shell")  # fences that hold commands


def commands(text: str) -> list[str]:
    """Those of a page: the lines of its blocks, and what stands in a sentence or a table with all its words.

    A comment behind a command is left out. A program's name alone is a mention, but for ``jaxport``, the main job.
    """
    fences = re.findall(r"^```(\w*)[^\n]*\n(.*?)^```", text, re.MULTILINE | re.DOTALL)
    prose = re.sub(r"^```.*?^```", "", text, flags=re.MULTILINE | re.DOTALL)
    lines = [line for kind, body in fences if kind in SHELL for line in body.splitlines()]
    lines += re.findall(r"^ {4}(.*)$", prose, re.MULTILINE)
    inline = re.findall(r"`([^`]+)`", re.sub(r"^ {4}.*$", "", prose, flags=re.MULTILINE))
    whole = [" ".join(re.sub(r"\s#.*", "", line).removeprefix("$ ").split()) for line in [*lines, *inline]]
    known = [line for line in whole if re.match(rf"{PROGRAM}(?: |$)", line)]
    return [line for line in dict.fromkeys(known) if " " in line or line == "jaxport" or line.startswith("scripts/")]


def every_command() -> dict[str, list[str]]:
    """Each command, with the pages that show it."""
    shown: dict[str, list[str]] = {}
    for page in PAGES:
        for command in commands((ROOT / page).read_text()):
            shown.setdefault(command, []).append(page)
    return shown
