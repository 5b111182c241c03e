"""What the commands write as JSON, held against the committed schemas."""

import json
from functools import cache
from pathlib import Path
from typing import Any

from jsonschema import Draft202012Validator

FOLDER = Path(__file__).parents[2] / "schema"


@cache
def validator(command: str) -> Draft202012Validator:
    """Of what a command writes, by the command's name."""
    return Draft202012Validator(json.loads((FOLDER / f"{command}.schema.json").read_text()))


def faults(command: str, form: Any) -> list[str]:
    """Where a form is not what the schema says, each with its path."""
    return [f"{error.json_path}: {error.message[:300]}" for error in validator(command).iter_errors(form)]


def command_of(arguments: list[str], form: Any) -> str:
    """Whose schema holds for what a command line wrote."""
    named = arguments[0] if arguments and not arguments[0].startswith("-") else "main-job"
    for command, key, schema in (
        ("verify", "marked", "mark"),
        ("verify", "rows", "verify-many"),
        ("train", "pairs", "verify"),
        ("bench", "sizes", "bench-sweep"),
        ("bench", "only", "bench-two-runs"),
    ):
        if named == command and key in form:
            return schema
    return named
