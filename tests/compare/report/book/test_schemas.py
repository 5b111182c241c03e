"""The page of what is written as JSON."""

import json

from compare.report.book.schemas import schema_pages

FORM = {
    "description": "One run.",
    "type": "object",
    "required": ["seed"],
    "properties": {
        "seed": {"type": "integer"},
        "noise": {"anyOf": [{"type": "number"}, {"type": "null"}]},
        "rows": {"type": "array", "items": {"$ref": "#/$defs/RowForm"}},
        "by": {"type": "object", "additionalProperties": {"type": "string"}},
        "kind": {"enum": ["a", "b"]},
        "span": {"type": "array", "prefixItems": [{"type": "number"}, {"type": "number"}]},
        "schema": {"const": 1},
    },
}


def test_each_key_has_its_type_and_leads_to_its_form(tmp_path):
    """As words; a form of a form is a link."""
    (tmp_path / "schema").mkdir()
    (tmp_path / "pyproject.toml").touch()
    schema = {"$ref": "#/$defs/RunForm", "$defs": {"RunForm": FORM, "RowForm": {"type": "object"}}}
    (tmp_path / "schema" / "bench.schema.json").write_text(json.dumps(schema))
    (page,) = schema_pages(tmp_path)
    assert page.shows["commands"] == [{"name": "bench", "type": [("RunForm", "RunForm")]}]
    (form,) = (one for one in page.shows["forms"] if one["name"] == "RunForm")
    words = {name: "".join(text for text, _ in pieces) for name, pieces in form["fields"].items()}
    assert words == {
        "seed": "integer",
        "noise": "number or null",
        "rows": "list of RowForm",
        "by": "by name: string",
        "kind": '"a" or "b"',
        "span": "(number, number)",
        "schema": "1",
    }
    assert form["fields"]["rows"][-1] == ("RowForm", "RowForm")
    assert "seed" not in form["optional"]
