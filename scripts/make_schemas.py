"""Write ``schema/``: the JSON of each command as a JSON Schema, from the types of the contract.

    python scripts/make_schemas.py

A file holds what stays: further keys may be there. A test holds the files against the types, and others hold what each
command really writes against the files.
"""

import json
import types
from pathlib import Path
from typing import Any, Literal, Union, get_args, get_origin, get_type_hints, is_typeddict

from compare.report.contract import Form, Number, VerifyForm, WeightsOfPairForm
from compare.report.differences_contract import DifferencesForm
from compare.report.lesson_contract import BookForm, EnvForm, MarkForm, ReadForm
from compare.report.many_contract import ManyForm
from compare.report.measured_contract import BenchForm, ContrastForm, MainJobForm, SweepForm, TrainForm, TwoRunsForm

FOLDER = Path(__file__).resolve().parents[1] / "schema"
DRAFT = "https://json-schema.org/draft/2020-12/schema"
# By the command; "main-job" is jaxport alone, "mark" is verify where it is given a lesson's file, "verify-many" where
# each file has a process of its own, "bench-sweep" and "bench-two-runs" are bench with --sweep and --compare.
CONTRACTS: dict[str, Any] = {
    "bench": BenchForm,
    "bench-sweep": SweepForm,
    "bench-two-runs": TwoRunsForm,
    "book": BookForm,
    "contrast": ContrastForm,
    "differences": DifferencesForm,
    "env": EnvForm,
    "main-job": MainJobForm,
    "mark": MarkForm,
    "read": ReadForm,
    "train": TrainForm,
    "verify": VerifyForm,
    "verify-many": ManyForm,
    "weights": WeightsOfPairForm,
}
NUMBER = get_args(Number)
PLAIN = {str: "string", bool: "boolean", int: "integer", float: "number", type(None): "null"}


def schema_of(command: str) -> dict[str, Any]:
    """The schema of what ``command --json`` writes."""
    definitions: dict[str, Any] = {}
    whole = _schema(CONTRACTS[command], definitions)
    title = f"what jaxport writes as JSON: {command}"
    return {"$schema": DRAFT, "title": title, **whole, "$defs": dict(sorted(definitions.items()))}


def text_of(command: str) -> str:
    return json.dumps(schema_of(command), indent=1) + "\n"


def _schema(kind: Any, definitions: dict[str, Any]) -> dict[str, Any]:
    """The schema of one type; a dictionary of named keys goes to ``definitions``."""
    if kind in PLAIN:
        return {"type": PLAIN[kind]}
    if kind == Form:
        return {"type": "object"}
    if is_typeddict(kind):
        return _reference(kind, definitions)
    origin, inner = get_origin(kind), get_args(kind)
    if origin is Literal:
        return {"const": inner[0]} if len(inner) == 1 else {"enum": list(inner)}
    if origin in (Union, types.UnionType):
        return _any_of(inner, definitions)
    if origin is list:
        return {"type": "array", "items": _schema(inner[0], definitions)}
    if origin is tuple:
        items = [_schema(one, definitions) for one in inner]
        return {"type": "array", "prefixItems": items, "minItems": len(items), "maxItems": len(items)}
    if origin is dict and inner[0] is str:
        return {"type": "object", "additionalProperties": _schema(inner[1], definitions)}
    raise TypeError(f"{kind}: the contract has no such type")


def _any_of(kinds: tuple[Any, ...], definitions: dict[str, Any]) -> dict[str, Any]:
    schemas = [_schema(one, definitions) for one in kinds if one not in NUMBER]
    if set(NUMBER) <= set(kinds):
        words = _schema(NUMBER[1], definitions)
        definitions["Number"] = {
            "description": "A number, or a word where it is not finite, for which JSON has none.",
            "anyOf": [{"type": "number"}, words],
        }
        schemas.insert(0, {"$ref": "#/$defs/Number"})
    else:
        schemas = [_schema(one, definitions) for one in kinds]
    return schemas[0] if len(schemas) == 1 else {"anyOf": schemas}


def _reference(kind: Any, definitions: dict[str, Any]) -> dict[str, Any]:
    name = kind.__name__
    if name not in definitions:
        definitions[name] = {}  # before its keys: they may lead back to it
        hints = get_type_hints(kind)
        definitions[name] = {
            "description": " ".join(kind.__doc__.split()),
            "type": "object",
            "required": sorted(kind.__required_keys__),
            "properties": {key: _schema(inner, definitions) for key, inner in hints.items()},
        }
    return {"$ref": f"#/$defs/{name}"}


if __name__ == "__main__":
    FOLDER.mkdir(exist_ok=True)
    for command in CONTRACTS:
        (FOLDER / f"{command}.schema.json").write_text(text_of(command), encoding="utf-8")
