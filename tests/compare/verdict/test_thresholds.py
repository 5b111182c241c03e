"""The judge's numbers stand in one place, each with its reason."""

import ast
from pathlib import Path

import pytest

from compare.verdict import bits, norms, thresholds, verdict, without_oracle

COMPARE = Path(__file__).parents[3] / "compare"
# Sizes of work and of files, what a mutant changes, what is tried first, and what formats are: nothing is decided by
# them.
SIZES = {
    "BLOCK", "SMALL", "SAFE", "LOOK_UP", "LARGE", "SCHEMA", "SLIGHTLY", "SHOWN", "TURNS", "TRIES", "AMPLE", "LARGEST",
    "BASES", "FORMATS", "IN_A_LOOP", "OTHERS", "LOGGED", "ROOM",
}  # fmt: skip


def numbers(path: Path) -> set[str]:
    """The names that a module gives to numbers, or to tuples of them."""
    found = set()
    for node in ast.parse(path.read_text()).body:
        if not isinstance(node, ast.Assign):
            continue
        inside = list(ast.walk(node.value))
        picks = [one.slice for one in inside if isinstance(one, ast.Subscript)]  # the third of a path is no number
        if any(
            isinstance(one, ast.Constant) and isinstance(one.value, int | float) and not isinstance(one.value, bool)
            for one in inside
            if one not in picks
        ):
            found |= {target.id for target in node.targets if isinstance(target, ast.Name)}
    return {name for name in found if name.isupper()}


@pytest.mark.parametrize("room", ["verdict", "sides", "verification", "frameworks/islands"])
def test_no_room_of_the_judge_keeps_a_number_for_itself(room):
    """What decides is in thresholds.py; what is left are sizes."""
    elsewhere = {
        f"{path.stem}.{name}"
        for path in (COMPARE / room).glob("*.py")
        if path.stem not in ("thresholds", "precision")  # what a format is, nobody decides here
        for name in numbers(path) - SIZES
    }
    assert elsewhere == set()


def test_each_has_its_reason():
    """In words, below the number."""
    body = ast.parse(Path(thresholds.__file__).read_text()).body[1:]
    names = [node.targets[0].id for node in body[::2]]
    reasons = [ast.literal_eval(node.value) for node in body[1::2]]
    assert len(names) == len(reasons) >= 10
    assert all(len(reason.split()) > 5 for reason in reasons)


def test_they_are_found_where_they_are_used():
    """Under the names that the guide and the reports give them."""
    assert (verdict.MARGIN, verdict.QUIET_MARGIN, without_oracle.NEARBY_MARGIN) == (2.0**10, 2.0, 4.0)
    assert norms.FILL == thresholds.FILL == 2.0**8
    assert (bits.RATIO, bits.ENOUGH) == (4.0, 16)
