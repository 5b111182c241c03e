"""Results read again: by kind, or one line of what was expected and what came."""

import json

import pytest

from compare.cli.written import KINDS, written
from compare.errors import UsageError


def test_what_a_command_wrote_comes_back(tmp_path):
    """Every key that its contract promises is there."""
    form = dict.fromkeys(KINDS["contrast --json"].__required_keys__, 1)
    (tmp_path / "contrast.json").write_text(json.dumps(form))
    assert written(tmp_path / "contrast.json", "contrast --json") == form


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("{", "expected what jaxport bench --json writes \\(no JSON: "),
        ("[]", "expected what jaxport bench --json writes, got a JSON list"),
        ('{"schema": 1}', "expected what jaxport bench --json of this version writes; it has no 'batch'"),
        (None, r"expected what jaxport bench --json writes \(No such file or directory\)"),
    ],
)
def test_anything_else_is_one_line(tmp_path, text, why):
    """No JSON, no dictionary, another command's, nothing there."""
    if text is not None:
        (tmp_path / "bench.json").write_text(text)
    with pytest.raises(UsageError, match=why):
        written(tmp_path / "bench.json", "bench --json")
