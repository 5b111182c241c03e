"""The command line as the tests use it: one command in this process, its streams, and the files it leaves.

Whatever a command writes as JSON, in any test, is held against its schema.
"""

import io
import json
from contextlib import redirect_stderr, redirect_stdout
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from compare.cli.cli import main
from tests.compare.schemas import command_of, faults

CPU = ("--device", "cpu")
LOOSE = ("verify", "loose", *CPU)
SHORT = ("--epochs", "1", "--batch", "500", *CPU)


class Ran(NamedTuple):
    """What one command came to."""

    code: int
    out: str
    err: str


def jaxport(*arguments: object) -> Ran:
    """One command in this process; no variable decides on its colours or width."""
    with pytest.MonkeyPatch.context() as patch, redirect_stdout(io.StringIO()) as out:
        for name in ("NO_COLOR", "FORCE_COLOR", "COLUMNS"):
            patch.delenv(name, raising=False)
        with redirect_stderr(io.StringIO()) as err:
            code = main([str(argument) for argument in arguments])
    ran = Ran(code, out.getvalue(), err.getvalue())
    hold_to_schema([str(argument) for argument in arguments], ran)
    return ran


def hold_to_schema(arguments: list[str], ran: Ran) -> None:
    """The JSON that a command wrote, if it came to a result, is what its schema says."""
    if "--json" not in arguments or ran.code not in (0, 1):
        return
    place = arguments[arguments.index("--json") + 1]
    form = strictly(ran.out if place == "-" else Path(place).read_text())
    assert faults(command_of(arguments, form), form) == []


def refused(ran: Ran) -> str:
    """The one line of a command that could not start: it has exit code 2 and says nothing else but its device."""
    lines = [line for line in ran.err.splitlines() if not line.startswith("device: ")]
    assert (ran.code, ran.out, len(lines)) == (2, "", 1), ran
    assert lines[0].startswith("jaxport: ")
    return lines[0]


def files(folder: Path) -> list[str]:
    """Every file below a folder."""
    return sorted(str(file.relative_to(folder)) for file in folder.rglob("*") if file.is_file())


def strictly(text: str) -> Any:
    """JSON without NaN and Infinity, which no standard knows."""
    return json.loads(text, parse_constant=lambda token: pytest.fail(f"{token} in JSON"))
