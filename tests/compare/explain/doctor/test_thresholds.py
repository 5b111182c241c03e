"""The numbers by which the doctor decides stand in one file, each with its reason."""

import ast
from pathlib import Path

from compare.explain.doctor import thresholds

DOCTOR = Path(thresholds.__file__).parent
VALUES = {"FULL", "FLOAT32", "CLIP_EPSILON"}  # numbers that a library's or a port's code holds: no decisions


def numbers_of(path):
    """The names in capitals that a module gives a number, and their lines."""
    text = path.read_text()
    for node in ast.parse(text).body:
        if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name) and node.targets[0].id.isupper():
            leaves = [leaf for leaf in ast.walk(node.value) if not list(ast.iter_child_nodes(leaf))]
            constants = [leaf.value for leaf in leaves if isinstance(leaf, ast.Constant)]
            inside = isinstance(node.value, ast.Constant | ast.BinOp | ast.UnaryOp)
            if inside and constants and all(isinstance(value, int | float) for value in constants):
                yield node.targets[0].id, text.splitlines()[node.lineno - 1]


def test_each_has_a_reason():
    """Beside it."""
    found = dict(numbers_of(DOCTOR / "thresholds.py"))
    assert len(found) > 25
    assert [name for name, line in found.items() if "  # " not in line] == []


def test_no_other_file_holds_one():
    """In all its rooms."""
    files = list(DOCTOR.rglob("*.py"))
    found = {(path.name, name) for path in files if path.stem != "thresholds" for name, _ in numbers_of(path)}
    assert {(file, name) for file, name in found if name.strip("_") not in VALUES} == set()
