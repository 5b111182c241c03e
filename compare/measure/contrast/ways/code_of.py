"""The code of a way as a reader is shown it: the function, and what it needs of its own file."""

import ast
import inspect
from types import ModuleType


def code_of(module: ModuleType, name: str) -> str:
    """The source of a function of ``module`` after that of what it uses from there, and of what is said of these (the
    rules of a derivative); the helpers that every way uses are left out."""
    source = inspect.getsource(module)
    statements = [one for one in ast.parse(source).body if not isinstance(one, ast.Import | ast.ImportFrom)]
    used, before = {name}, set[str]()
    while used != before:
        before = set(used)
        for one in statements:
            if _whose(one) in used:
                inside = {part.id for part in ast.walk(one) if isinstance(part, ast.Name)}
                used |= inside & {_whose(other) for other in statements if _is_rule(other)}
    shown = [one for one in statements if _whose(one) in used]
    return "\n\n\n".join(_text(source, one) for one in shown) + "\n"


def _whose(statement: ast.stmt) -> str:
    """The name that a statement defines, or calls a method of."""
    if isinstance(statement, ast.FunctionDef | ast.ClassDef):
        return statement.name
    called = statement.value if isinstance(statement, ast.Expr) else None
    if (
        isinstance(called, ast.Call)
        and isinstance(called.func, ast.Attribute)
        and isinstance(called.func.value, ast.Name)
    ):
        return called.func.value.id
    return ""


def _is_rule(statement: ast.stmt) -> bool:
    """Whether a statement defines what a way may need: no way itself, which takes what is given."""
    if isinstance(statement, ast.FunctionDef):
        return [one.arg for one in statement.args.args] != ["given"]
    return isinstance(statement, ast.ClassDef)


def _text(source: str, statement: ast.stmt) -> str:
    decorators = getattr(statement, "decorator_list", [])
    begin = min([statement.lineno, *(one.lineno for one in decorators)])
    return "\n".join(source.splitlines()[begin - 1 : statement.end_lineno])
