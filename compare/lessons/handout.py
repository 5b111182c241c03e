"""A lesson with one side's body left out, for a student to write, and the mark."""

import ast
from pathlib import Path

from compare.errors import UsageError
from compare.lessons.row import Lesson
from compare.lessons.sources import SIDES, file_text, source
from compare.pair.pair_file import in_docstring

FRAMEWORK = {"torchref": ("import torch",), "jaxport": ("import jax", "import jax.numpy as jnp")}
UNWRITTEN = "write this body"
HEAD = '''"""The lesson "{title}": write its {side} here. Mark it with: jaxport verify {file}

{package} comes below without its body: with its arguments, and with what it is to return.
What the other side does stands at the end of this file.
"""

{imports}

LESSON, SIDE = "{lesson}", "{side}"


'''


def handout(lesson: Lesson, side: str, file: Path) -> str:
    """The text of the file: imports, the signature and the docstring, and the other side to read."""
    given = source(SIDES[side], lesson.file, lesson.function)
    other = source(SIDES["port" if side == "reference" else "reference"], lesson.file, lesson.function)
    (node,) = ast.parse(given.text).body
    assert isinstance(node, ast.FunctionDef)
    lines = given.text.splitlines()
    signature = "\n".join(lines[: node.body[0].end_lineno])  # its docstring included
    head = HEAD.format(
        title=lesson.title,
        side=side,
        file=in_docstring(file),
        package=f"{lesson.function}()",
        imports=_imports(SIDES[side], lesson, node),
        lesson=lesson.name,
    )
    body = f'{signature}\n    raise NotImplementedError("{UNWRITTEN}")\n'
    beside = "".join(f"# {line}".rstrip() + "\n" for line in other.text.splitlines())
    return f"{head}{body}\n\n# {other.path}:\n#\n{beside}"


def lesson_of(path: Path) -> tuple[str, str] | None:
    """The names of the lesson and of the side that a file is a handout of; None for any other file. Runs nothing.

    Raises:
        UsageError: the side is neither of the two.
    """
    try:
        tree = ast.parse(
            path.read_bytes()
        )  # by its own encoding, as Python runs it: an editor may begin it with a mark
    except (OSError, SyntaxError, ValueError):
        return None  # whoever runs it will say so
    for node in tree.body:
        if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) in ("LESSON, SIDE", "(LESSON, SIDE)"):
            try:
                lesson, side = ast.literal_eval(node.value)
            except (ValueError, TypeError) as error:
                raise UsageError(f'{path}: expected a line like LESSON, SIDE = "tape", "port"') from error
            if side not in SIDES:
                raise UsageError(f"{path}: SIDE: expected reference or port, got {side!r}")
            return str(lesson), str(side)
    return None


def _imports(package: str, lesson: Lesson, function: ast.FunctionDef) -> str:
    """The framework, the imports of the side's file that the function uses, and what else it uses of that file."""
    tree = ast.parse(file_text(package, lesson.file))
    used = {node.id for node in ast.walk(function) if isinstance(node, ast.Name)}
    lines, own, heads = list(FRAMEWORK[package]), [], []
    for node in tree.body:
        if isinstance(node, ast.Import | ast.ImportFrom):
            names = [alias for alias in node.names if (alias.asname or alias.name).split(".")[0] in used]
            node.names = names
            lines += [ast.unparse(node)] if names and ast.unparse(node) not in lines else []
        elif isinstance(node, ast.FunctionDef | ast.ClassDef):
            if node.name in used and node.name != lesson.function:
                own.append(node.name)
                heads.append(f"# {_head(node)}")
        elif isinstance(node, ast.Assign):
            own += [target.id for target in node.targets if isinstance(target, ast.Name) and target.id in used]
    if own:
        lines.append(f"from {package}.{lesson.file} import {', '.join(sorted(own))}")
    return "\n".join(sorted(lines, key=lambda line: (not line.startswith("import "), line)) + heads)


def _head(node: ast.FunctionDef | ast.ClassDef) -> str:
    """A helper's signature, and the first line of what it says of itself."""
    said = (ast.get_docstring(node) or "").splitlines()[:1]
    bare = ast.copy_location(type(node)(**{**vars(node), "body": [ast.Pass()], "decorator_list": []}), node)
    return " ".join([ast.unparse(bare).splitlines()[0], *said])
