"""The numbers of the table stand in one file, each with its reason."""

import ast
from pathlib import Path

from compare.explain.differences import thresholds


def test_each_has_a_reason():
    """Below it, but for the step that another's reason names."""
    body = ast.parse(Path(thresholds.__file__).read_text()).body[1:]
    names = [node.targets[0].id for node in body if isinstance(node, ast.Assign)]
    reasons = [node for node in body if isinstance(node, ast.Expr)]
    assert len(names) == len(reasons) + 1
    assert set(names) == {"EQUAL", "EQUAL_ON_PROBES", "JUMP", "STEP", "DRAWS_ALIKE"}
