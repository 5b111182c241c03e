"""What each command writes as JSON, field by field: read from the committed schemas."""

import json
from pathlib import Path
from typing import Any

from compare.report.book.documents import REFERENCE, ROOT
from compare.report.book.page import Page
from compare.report.contract import Form

SUFFIX = ".schema.json"
Schema = dict[str, Any]  # a part of a JSON Schema


def schema_pages(root: Path = ROOT) -> list[Page]:
    """One page of all schemas; none where they do not lie beside the packages."""
    files = sorted((root / "schema").glob(f"*{SUFFIX}")) if (root / "pyproject.toml").is_file() else []
    if not files:
        return []
    # A form that several commands write, such as the environment's, stands there once.
    forms: dict[str, Form] = {}
    commands = []
    for file in files:
        schema = json.loads(file.read_text(encoding="utf-8"))
        for name, one in schema.get("$defs", {}).items():
            forms.setdefault(name, _form(name, one))
        commands.append({"name": file.name.removesuffix(SUFFIX), "type": _typed(schema)})
    listed = [forms[name] for name in sorted(forms)]
    shows = {"commands": commands, "forms": listed}
    parts = [(one["name"], one["name"], f"{one['description']} {' '.join(one['fields'])}") for one in listed]
    about = "The keys of what each command writes with --json, and their types"
    return [Page("schemas.html", "What is written as JSON", REFERENCE, about, "schemas.html", shows, parts)]


def _form(name: str, schema: Schema) -> Form:
    fields = {field: _typed(one) for field, one in schema.get("properties", {}).items()}
    kind = "" if fields else _typed({key: value for key, value in schema.items() if key != "description"})
    return {"name": name, "description": schema.get("description", ""), "fields": fields, "kind": kind,
            "optional": sorted(set(fields) - set(schema.get("required", ())))}  # fmt: skip


def _typed(schema: Schema) -> list[tuple[str, str]]:
    """A type in words, as pieces: text, and where it names a form the name to link to."""
    if "$ref" in schema:
        name = schema["$ref"].rpartition("/")[2]
        return [(name, name)]
    if "const" in schema:
        return [(json.dumps(schema["const"]), "")]
    if "enum" in schema:
        return [(" or ".join(json.dumps(one) for one in schema["enum"]), "")]
    if "anyOf" in schema:
        return _between([_typed(one) for one in schema["anyOf"]], " or ")
    if "prefixItems" in schema:
        return [("(", ""), *_between([_typed(one) for one in schema["prefixItems"]], ", "), (")", "")]
    if schema.get("type") == "array":
        return [("list of ", ""), *_typed(schema.get("items", {}))]
    if schema.get("type") == "object" and isinstance(schema.get("additionalProperties"), dict):
        return [("by name: ", ""), *_typed(schema["additionalProperties"])]
    kind = schema.get("type", "anything")
    return [(" or ".join(kind) if isinstance(kind, list) else str(kind), "")]


def _between(pieces: list[list[tuple[str, str]]], word: str) -> list[tuple[str, str]]:
    joined = pieces[0]
    for one in pieces[1:]:
        joined = [*joined, (word, ""), *one]
    return joined
