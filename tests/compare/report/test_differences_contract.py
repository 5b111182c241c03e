"""The contract of the table, against a result that breaks it."""

import copy
import json

import pytest

from tests.compare.schemas import FOLDER, faults

COMMITTED = sorted((FOLDER.parent / "results" / "cpu").glob("differences-*.json"))


@pytest.mark.parametrize("path", COMMITTED, ids=lambda path: path.stem)
def test_the_committed_tables_hold_to_it(path):
    """And one of which an entry loses its fault does not."""
    form = json.loads(path.read_text(encoding="utf-8"))
    assert faults("differences", form) == []
    broken = copy.deepcopy(form["entries"][:1])
    del broken[0]["fault"]
    assert faults("differences", form | {"entries": broken}) != []
