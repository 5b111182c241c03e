"""The numbers by which the doctor decides stand in one file, each with its reason."""

import ast
from pathlib import Path

from compare.explain.doctor import thresholds

DOCTOR = Path(thresholds.__file__).parent
VALUES = {"FLOAT32", "CLIP_EPSILON"}  # numbers that a library's code holds: no decisions
FORMULAS = {1.702, 0.2}  # of the quick GELU, of a leaky ReLU and a hard sigmoid
PLAIN = {0, 1, 2, -1, 0.5}  # counted, halved, doubled: no size of anything


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


def deciding(path):
    """Numbers in the code that something is compared with, and fractions wherever they stand."""
    tree = ast.parse(path.read_text())
    compared = {id(part) for node in ast.walk(tree) if isinstance(node, ast.Compare) for part in _constants(node)}
    constants = [node for node in ast.walk(tree) if isinstance(node, ast.Constant) and type(node.value) in (int, float)]
    for node in constants:
        sized = isinstance(node.value, float) or (id(node) in compared and node.value > len(AXES))
        if sized and node.value not in PLAIN | FORMULAS:
            yield path.name, node.lineno, node.value


def _constants(compare):
    return [part for part in (compare.left, *compare.comparators) if isinstance(part, ast.Constant)]


AXES = "nchw"  # a count of axes says what kind of array it is


def test_no_number_decides_outside_of_the_thresholds():
    """Neither here nor where the first difference is looked for."""
    rooms = [DOCTOR, DOCTOR.parent / "locate", DOCTOR.parent / "calls"]
    files = [path for room in rooms for path in room.rglob("*.py") if path.stem != "thresholds"]
    found = [one for path in files for one in deciding(path)]
    assert [one for one in found if one[0] != "reference_rules.py"] == []
    assert len(files) > 60


def test_a_number_that_decides_is_seen(tmp_path):
    """A fraction, and a count that something is compared with."""
    code = tmp_path / "code.py"
    code.write_text("def f(x, y):\n    return x < 1e-3 or len(y) > 40 or y[3]\n")
    assert [value for _, _, value in deciding(code)] == [1e-3, 40]
