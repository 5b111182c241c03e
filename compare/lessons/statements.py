"""A source cut into statements, and how alike the words of two are."""

import ast
import re
from difflib import SequenceMatcher
from itertools import pairwise

ALIKE = 0.34  # of two statements' texts, from which they may stand beside each other


def statements(text: str) -> list[range]:
    """The lines of ``text`` cut before each statement, with the comments above it; every line is in one piece."""
    lines = text.splitlines()
    starts = {0}
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.stmt | ast.ExceptHandler):
            decorators = getattr(node, "decorator_list", [])
            start = min([node.lineno, *(decorator.lineno for decorator in decorators)]) - 1
            while start and lines[start - 1].strip().startswith("#"):
                start -= 1
            starts.add(start)
    return [range(start, end) for start, end in pairwise([*sorted(starts), len(lines)])]


def code_of(piece: range, text: str) -> str:
    """A statement on one line, without its comments."""
    lines = text.splitlines()
    return " ".join(lines[i].split("#")[0].strip() for i in piece).strip()


def begins(code: str) -> str:
    """What a statement on one line begins with: a word, the name that is assigned, or what is called."""
    return re.split(r"[ (]", code, maxsplit=1)[0]


def bound(code: str) -> set[str]:
    """The names that a statement on one line binds; none of one that is no assignment."""
    try:
        (node,) = ast.parse(code).body
    except (SyntaxError, ValueError):
        return set()  # the head of a loop, or of a function
    targets = node.targets if isinstance(node, ast.Assign) else []
    return {one.id for target in targets for one in ast.walk(target) if isinstance(one, ast.Name)}


def textual(left: str, right: str) -> float:
    """Between 0 and 1, 0 below ``ALIKE``; what both begin with (the name that is assigned) counts most."""
    likeness = SequenceMatcher(None, left, right, autojunk=False).ratio()
    if left.split(" ")[0] == right.split(" ")[0]:
        likeness = (1 + likeness) / 2
    return likeness if likeness >= ALIKE else 0.0
