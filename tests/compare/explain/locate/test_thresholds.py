"""The numbers of the room stand in one place, each with its reason."""

import ast
import re
from pathlib import Path

import compare.explain.locate.thresholds as thresholds

ROOM = Path(thresholds.__file__).parent


def numbers(path: Path) -> dict[str, int]:
    """The names of a module's own numbers, and their lines."""
    named = {}
    for node in ast.parse(path.read_text()).body:
        if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name):
            kinds = {type(part) for part in ast.walk(node.value)}
            if ast.Constant in kinds and kinds <= {ast.Constant, ast.BinOp, ast.UnaryOp, ast.Pow, ast.LShift, ast.USub}:
                value = eval(compile(ast.Expression(node.value), str(path), "eval"))
                if isinstance(value, int | float):
                    named[node.targets[0].id] = node.lineno
    return named


def test_no_other_file_of_the_room_has_a_number_of_its_own():
    """Where to look for one is never a question; ``explain.py`` asks here too."""
    files = [*ROOM.glob("*.py"), ROOM.parent / "explain.py"]
    assert {path.name for path in files if numbers(path)} == {"thresholds.py"}


def test_each_has_its_reason():
    """On its own line."""
    lines = Path(thresholds.__file__).read_text().splitlines()
    known = numbers(Path(thresholds.__file__))
    assert len(known) >= 10
    assert [name for name, line in known.items() if not re.search(r"# \w.{15,}", lines[line - 1])] == []


def test_their_order():
    """What is one array is nearer than what is plainly apart, and that nearer than what a wrong layout shows."""
    assert 2.0**-53 < thresholds.EXACT < thresholds.APART < thresholds.ALIKE < 1
    assert thresholds.MISSES < thresholds.PLACES
