"""What is public and not documented, or documented and not there."""

import ast
import re
from collections.abc import Iterator, Sequence

from scripts.public_names import Public, method, module_of, module_tree


def problems(known: Sequence[Public]) -> Iterator[str]:
    """What is public and not documented, or documented and not there; one line each."""
    names = {symbol.name: symbol for symbol in known}
    for symbol in known:
        docstring, text = symbol.docstring, ast.get_docstring(symbol.node) or ""
        if not docstring.text and not symbol.in_its_class(names):
            yield f"{symbol.name}: has no docstring"
        there, fields = symbol.parameters(), docstring.fields()
        for name in there:
            if name not in fields and f"``{name}``" not in docstring.text:
                yield f"{symbol.name}: parameter {name} is not documented"
        members = {name.split(".")[1] for name in names if name.startswith(f"{symbol.name}.")}
        members |= _attributes(symbol.node)
        yield from (
            f"{symbol.name}: documents {name}, which is not there" for name in fields if name not in {*there, *members}
        )
        errors = docstring.entries.get("Raises", {})
        yield from (
            f"{symbol.name}: raises {error}, which is not documented"
            for error in sorted(raised(symbol))
            if error not in errors
        )
        for word in re.findall(r"``([A-Za-z_][\w.]*)", text):
            if not _resolves(word, names):
                yield f"{symbol.name}: refers to {word}, which is not there"


def raised(symbol: Public) -> set[str]:
    """The errors that it raises itself, or through private functions of its module, and does not catch."""
    helpers = {node.name: node for node in ast.walk(module_tree(symbol.module)) if isinstance(node, ast.FunctionDef)}
    own = [symbol.node]
    if isinstance(symbol.node, ast.ClassDef):
        own = [called for name in ("__init__", "__post_init__") if (called := method(symbol.node, name))]
    return set().union(*(_raised(node, helpers, frozenset()) for node in own))


def _raised(node: ast.AST, helpers: dict[str, ast.FunctionDef], inside: frozenset[str]) -> set[str]:
    """Below ``node``; ``inside`` are the private functions on the way there."""
    errors: set[str] = set()
    if isinstance(node, ast.Raise) and isinstance(node.exc, ast.Call):
        errors.add(ast.unparse(node.exc.func))
    if isinstance(node, ast.Call):
        called = ast.unparse(node.func).split(".")[-1]
        if called.startswith("_") and called in helpers and called not in inside:
            errors |= _raised(helpers[called], helpers, inside | {called})
    for name, value in ast.iter_fields(node):
        below = [part for part in (value if isinstance(value, list) else [value]) if isinstance(part, ast.AST)]
        inner = set().union(*(_raised(part, helpers, inside) for part in below))
        if isinstance(node, ast.Try) and name == "body":
            inner -= {word for handler in node.handlers for word in re.findall(r"\w+", _type(handler))}
        errors |= inner
    return errors


def _type(handler: ast.ExceptHandler) -> str:
    return ast.unparse(handler.type) if handler.type else ""


def _resolves(word: str, names: dict[str, Public]) -> bool:
    head, _, rest = word.partition(".")
    if head == "compare" and rest:
        return rest in names or module_of(word) is not None
    if head not in names or not rest:
        return True
    return word in names or rest in names[head].parameters() or rest in _attributes(names[head].node)


def _attributes(node: ast.AST) -> set[str]:
    """What a class's ``__init__`` sets on ``self``."""
    stored = [n for n in ast.walk(node) if isinstance(n, ast.Attribute) and isinstance(n.ctx, ast.Store)]
    return {n.attr for n in stored if ast.unparse(n.value) == "self"}
