"""The points of a function at which one change makes a mutant, and the source with that change in it."""

import ast
import copy
from collections.abc import Iterator
from dataclasses import dataclass

Function = ast.FunctionDef | ast.AsyncFunctionDef

COMPARISONS: dict[type, type] = {
    ast.Lt: ast.LtE, ast.LtE: ast.Lt, ast.Gt: ast.GtE, ast.GtE: ast.Gt, ast.Eq: ast.NotEq, ast.NotEq: ast.Eq,
    ast.Is: ast.IsNot, ast.IsNot: ast.Is, ast.In: ast.NotIn, ast.NotIn: ast.In,
}  # fmt: skip
SIGNS: dict[type, type] = {ast.Add: ast.Sub, ast.Sub: ast.Add, ast.Mult: ast.Div, ast.Div: ast.Mult}
JOINS: dict[type, type] = {ast.And: ast.Or, ast.Or: ast.And}


@dataclass(frozen=True)
class Point:
    """``number``: of the node, as ``ast.walk`` comes by it in its function; ``at``: of the keyword that is left out."""

    number: int
    text: str
    at: int = 0


def functions(tree: ast.Module) -> dict[str, Function]:
    """Every function that stands in the module or in a class of it, by dotted name."""
    found: dict[str, Function] = {}

    def look(node: ast.AST, prefix: str) -> None:
        for child in ast.iter_child_nodes(node):
            if isinstance(child, ast.ClassDef):
                look(child, f"{prefix}{child.name}.")
            elif isinstance(child, Function):
                found[prefix + child.name] = child

    look(tree, "")
    return found


def points(function: Function) -> Iterator[Point]:
    """Every point of the function's body."""
    apart = _apart(function)
    for number, node in enumerate(ast.walk(function)):
        if id(node) in apart or not hasattr(node, "lineno"):
            continue
        dropped = [None] if not isinstance(node, ast.Call) else range(len(node.keywords))
        for at in dropped:
            changed = _changed(node, at or 0)
            if changed is not None:
                yield Point(number, _said(node, changed, at or 0), at or 0)


def mutated(source: str, name: str, point: Point) -> str:
    """The module's source with the one point changed, and nothing else."""
    function = functions(ast.parse(source))[name]
    node = next(node for number, node in enumerate(ast.walk(function)) if number == point.number)
    changed = _changed(node, point.at)
    assert changed is not None
    if isinstance(node, ast.If | ast.While):
        node, changed = node.test, changed.test  # type: ignore[attr-defined]  # the branch is its condition
    lines = source.encode().splitlines(keepends=True)
    start = sum(map(len, lines[: node.lineno - 1])) + node.col_offset  # type: ignore[attr-defined]
    end = sum(map(len, lines[: node.end_lineno - 1])) + node.end_col_offset  # type: ignore[attr-defined]
    whole = source.encode()
    return (whole[:start] + f"({ast.unparse(changed)})".encode() + whole[end:]).decode()


def _changed(node: ast.AST, at: int) -> ast.AST | None:
    """A copy of the node with another meaning, or None where there is nothing to change."""
    made = copy.deepcopy(node)
    match made:
        case ast.Compare(ops=[first, *_]) if type(first) in COMPARISONS:
            made.ops[0] = COMPARISONS[type(first)]()
        case ast.BinOp(op=op) if type(op) in SIGNS and not _is_text(made):
            made.op = SIGNS[type(op)]()
        case ast.BoolOp(op=op):
            made.op = JOINS[type(op)]()
        case ast.If() | ast.While() | ast.IfExp():
            made.test = ast.UnaryOp(ast.Not(), made.test)
        case ast.Constant(value=bool()):
            made.value = not made.value
        case ast.Constant(value=int()):
            made.value += 1
        case ast.Constant(value=float()):
            made.value = 2 * made.value or 1.0
        case ast.Call(keywords=keywords) if at < len(keywords) and keywords[at].arg:
            del keywords[at]
        case _:
            return None
    return made


def _apart(function: Function) -> set[int]:
    """Nodes that are no code of the body: annotations, decorators, the parts of a formatted text and a pattern's."""
    roots: list[ast.AST] = [*function.decorator_list, *filter(None, [function.returns])]
    for node in ast.walk(function):
        if isinstance(node, ast.arg | ast.AnnAssign) and node.annotation:
            roots.append(node.annotation)
        if isinstance(node, ast.JoinedStr | ast.pattern):
            roots.append(node)
    return {id(node) for root in roots for node in ast.walk(root)}


def _is_text(node: ast.BinOp) -> bool:
    return any(
        isinstance(part, ast.JoinedStr) or (isinstance(part, ast.Constant) and isinstance(part.value, str))
        for part in ast.walk(node)
    )


def _said(node: ast.AST, changed: ast.AST, at: int) -> str:
    if isinstance(node, ast.Call):
        return f"{ast.unparse(node.func)}(...) without {node.keywords[at].arg}"
    if isinstance(node, ast.If | ast.While | ast.IfExp):
        return f"not {ast.unparse(node.test)[:100]}"
    return f"{ast.unparse(node)[:100]} -> {ast.unparse(changed)[:100]}"
